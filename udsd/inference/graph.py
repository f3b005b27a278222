"""A model as one graph of standard operations, for runtimes other than PyTorch."""

from __future__ import annotations

import copy
import warnings

import torch
from torch import Tensor, nn

from udsd.models import DeblurModel
from udsd.models.blocks import CONTENT_STRIDE, IMAGE_CHANNELS, NORM_EPSILON, InstanceNorm, LayerNorm
from udsd.models.deblur_model import SMALLEST_SIDE

INPUT = "image"
OUTPUTS = ("restored", "blur_mean", "blur_log_variance")

_MOST_BLOCKS = 65_536
"""Content features along a side, at most."""

_LARGEST_BATCH = 1024
_EXAMPLE_SIDES = (48, 56)
_BOUND = 1e30


class InferenceGraph(nn.Module):
    """What other runtimes run: image (B, 3, H, W) in [-1, 1] to the restored image, in the same range, and its blur.

    H and W are multiples of 4 and at least 16; padding an image to them is left to the caller, since it cannot be
    written for all sizes at once. So is white balance, where the model has it: the result is not limited to the range
    then, since the image's own white lies elsewhere. The blur is the mean and log-variance (B, Z) of the blur code.
    """

    def __init__(self, model: DeblurModel) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).cpu().float()
        _use_standard_norms(self.model)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Restore with the mean of the blur code."""
        mean, log_variance = self.model.blur_encoder(image)
        restored = self.model.decode(image, mean)
        return restored if self.model.config.balance_white else restored.clamp(-1, 1), mean, log_variance


def trace_graph(model: DeblurModel) -> torch.export.ExportedProgram:
    """Trace a model with any batch, height and width."""
    height = torch.export.Dim("height_in_blocks", min=SMALLEST_SIDE // CONTENT_STRIDE, max=_MOST_BLOCKS)
    width = torch.export.Dim("width_in_blocks", min=SMALLEST_SIDE // CONTENT_STRIDE, max=_MOST_BLOCKS)
    example = torch.zeros(2, IMAGE_CHANNELS, *_EXAMPLE_SIDES, dtype=torch.float32)
    sizes = {0: torch.export.Dim("batch", max=_LARGEST_BATCH), 2: CONTENT_STRIDE * height, 3: CONTENT_STRIDE * width}
    with warnings.catch_warnings():
        # Some versions warn of what they themselves use.
        warnings.simplefilter("ignore", FutureWarning)
        return torch.export.export(InferenceGraph(model).eval(), (example,), dynamic_shapes=(sizes,))


def _use_standard_norms(module: nn.Module) -> None:
    """Normalisation on maps as they lie, in place of the rows and the operations that are fast in PyTorch."""
    for name, child in module.named_children():
        if isinstance(child, InstanceNorm):
            setattr(module, name, _StandardInstanceNorm())
        elif isinstance(child, LayerNorm):
            setattr(module, name, _StandardLayerNorm(child))
        else:
            _use_standard_norms(child)


class _StandardInstanceNorm(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return _normalise(features, (2, 3))


class _StandardLayerNorm(nn.Module):
    def __init__(self, norm: LayerNorm) -> None:
        super().__init__()
        self.weight = nn.Parameter(norm.weight[:, None, None])
        self.bias = nn.Parameter(norm.bias[:, None, None])

    def forward(self, features: Tensor) -> Tensor:
        return _normalise(features, (1, 2, 3)) * self.weight + self.bias


def _normalise(features: Tensor, dimensions: tuple[int, ...]) -> Tensor:
    # Two workarounds for OpenVINO. The clamp changes no value, but stops OpenVINO from moving the scales of 8-bit
    # convolutions through the mean, after which results agree to 17 dB only. And `centred * centred` is no `square()`,
    # which would be fused into one operation that sums in float32 and loses 18 dB each time the sides double.
    features = features.clamp(-_BOUND, _BOUND)
    centred = features - features.mean(dimensions, keepdim=True)
    variance = (centred * centred).mean(dimensions, keepdim=True)
    return centred * torch.rsqrt(variance + NORM_EPSILON)
