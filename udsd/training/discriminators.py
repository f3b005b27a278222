"""Discriminators D_S and D_B, used in training only."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from udsd.models.blocks import IMAGE_CHANNELS, LEAKY_SLOPE
from udsd.training.initialisation import Initialisation, initialise

_STAGES = 4
"""Strided convolutions at each scale; a fifth, 1x1, gives the logits."""


class MultiScaleDiscriminator(nn.Module):
    """Classify patches as real or generated, at the full, half and quarter size of the image.

    Args:
        base_width: Channels of the first convolution; each of the four strided ones doubles them.
        scales: Number of image sizes.
        kernel_size: Side of the strided convolutions' kernels, 3 or 4.
        init: How the weights are initialised.
    """

    def __init__(
        self, base_width: int, scales: int = 3, *, kernel_size: int = 3, init: Initialisation = "default"
    ) -> None:
        super().__init__()
        self.scales = nn.ModuleList(_patch_discriminator(base_width, kernel_size) for _ in range(scales))
        initialise(self, init)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map images (B, 3, H, W) in [-1, 1] to logits (B, 1, h, w), one tensor for each scale."""
        logits = []
        for scale in self.scales:
            logits.append(scale(image))
            image = F.avg_pool2d(image, kernel_size=3, stride=2, padding=1, count_include_pad=False)
        return logits


class _StridedConv(nn.Conv2d):
    """A convolution whose gradient is right for a map of one pixel, too.

    There all but one tap of the kernel see nothing but padding. On the CPU in bfloat16, oneDNN leaves their gradient
    unwritten, so that it is whatever the memory held before, NaN included. Zeros that are part of the map are seen.
    """

    def forward(self, features: Tensor) -> Tensor:
        if min(features.shape[-2:]) > 1:
            return super().forward(features)
        return F.conv2d(F.pad(features, (1, 1, 1, 1)), self.weight, self.bias, stride=2)


def _patch_discriminator(base_width: int, kernel_size: int) -> nn.Sequential:
    channels = [IMAGE_CHANNELS, *(base_width * 2**stage for stage in range(_STAGES))]
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        # Zero padding: at the third scale a small crop is only a few pixels wide, too few to reflect.
        layers += [_StridedConv(before, after, kernel_size, stride=2, padding=1), nn.LeakyReLU(LEAKY_SLOPE)]
    layers.append(nn.Conv2d(channels[-1], 1, kernel_size=1))
    return nn.Sequential(*layers)
