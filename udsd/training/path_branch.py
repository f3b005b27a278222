"""G_B as a camera path: the code is decoded into a blur kernel and a noise level. Not in the paper."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from udsd.degradation import apply_kernels
from udsd.images.levels import GREY_LEVEL
from udsd.models.blocks import LEAKY_SLOPE

_HIDDEN = 128
_HARMONICS = 8
_POINTS = 128

_INITIAL_DEVIATION = 4.0
"""Standard deviation in pixels of the path's amplitudes before training: some 4 px around its centre."""

_POINT_DEVIATION = 0.45
"""Standard deviation in pixels of the Gaussian that a point of the path is drawn as: near that of bilinear weights."""


class PathBlurGenerator(nn.Module):
    """Decode a blur code into a camera path, which blurs the whole image, and into the level of the sensor's noise.

    It replaces the content encoder E_S^c and the generator G_B where the blur is uniform over the image. A path cannot
    hide the sharp image in the blurred one, nor change its colours. Every code is a possible blur from the first step
    on; what remains to be learnt is how long and how curved the paths of the blurred domain are.

    The path is a sum of cosines whose amplitudes fall with their frequency, so it is smooth. The camera moves at
    constant speed. The path's centre of mass is the middle of the kernel, so that no image is shifted.

    Args:
        code_size: Length Z of the blur code.
        kernel_size: Side K of the kernels in pixels, odd; paths that reach beyond are scaled down to fit.
    """

    cosines: Tensor
    offsets: Tensor

    def __init__(self, code_size: int, kernel_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.decode = nn.Sequential(
            nn.Linear(code_size, _HIDDEN),
            nn.LeakyReLU(LEAKY_SLOPE),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.LeakyReLU(LEAKY_SLOPE),
            nn.Linear(_HIDDEN, 2 * _HARMONICS + 1),
        )
        self._initialise()
        times = (torch.arange(_POINTS) + 0.5) / _POINTS
        frequencies = torch.arange(1, _HARMONICS + 1)
        cosines = torch.cos(math.pi * frequencies[:, None] * times) / frequencies[:, None]
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("offsets", torch.arange(kernel_size) - float(kernel_size // 2), persistent=False)

    def kernels(self, code: Tensor) -> Tensor:
        """Decode codes (B, Z) into kernels (B, K, K), not negative, each summing to 1."""
        return self._rasterize(self.decode(code).float())

    def forward(self, sharp: Tensor, code: Tensor) -> Tensor:
        """Blur images (B, 3, H, W) in [-1, 1], reflected at their borders, by codes (B, Z), and add noise."""
        decoded = self.decode(code).float()
        blurred = self._blur(sharp, self._rasterize(decoded))
        level = GREY_LEVEL * F.softplus(decoded[:, -1]).view(-1, 1, 1, 1)
        return blurred + level * torch.randn_like(blurred)

    def reblur(self, restored: Tensor, code: Tensor) -> Tensor:
        """Blur restored images, to be compared pixel by pixel with the blurred images that they came from.

        Shapes and ranges are those of `forward`. No noise is added, since it could not match that of the blurred image.
        The code gets a gradient, the decoder's weights get none: while the code is still uncertain, the kernel with the
        least pixel error is the average of all possible paths, a blot, and the decoder would learn it.
        """
        parameters = {name: value.detach() for name, value in self.decode.named_parameters()}
        decoded: Tensor = functional_call(self.decode, parameters, code)
        return self._blur(restored, self._rasterize(decoded.float()))

    def _blur(self, images: Tensor, kernels: Tensor) -> Tensor:
        margin = self.kernel_size // 2
        return apply_kernels(F.pad(images.float(), [margin] * 4, mode="reflect"), kernels)

    def _rasterize(self, decoded: Tensor) -> Tensor:
        points = decoded[:, :-1].view(-1, 2, _HARMONICS) @ self.cosines  # (B, 2, points)
        # Weight each segment by its length: constant speed.
        lengths = points.diff(dim=2).square().sum(dim=1, keepdim=True).add(1e-8).sqrt()
        weights = lengths / lengths.sum(dim=2, keepdim=True)
        path = (points[..., 1:] + points[..., :-1]) / 2
        path = path - (path * weights).sum(dim=2, keepdim=True)
        farthest = path.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-6)
        path = path * (self.offsets[-1] / farthest).clamp_max(1)
        columns, rows = torch.exp(-0.5 * ((path[..., None] - self.offsets) / _POINT_DEVIATION).square()).unbind(dim=1)
        kernels = (weights.transpose(1, 2) * rows).transpose(1, 2) @ columns
        return kernels / kernels.sum(dim=(1, 2), keepdim=True)

    def _initialise(self) -> None:
        """Make codes of a standard normal decode into paths of every direction and curvature, without noise."""
        *hidden, last = [layer for layer in self.decode if isinstance(layer, nn.Linear)]
        for layer in hidden:
            nn.init.kaiming_normal_(layer.weight, a=LEAKY_SLOPE, nonlinearity="leaky_relu")
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(last.weight)
        nn.init.normal_(last.weight[:-1], std=_INITIAL_DEVIATION / math.sqrt(_HIDDEN))
        nn.init.zeros_(last.bias)
