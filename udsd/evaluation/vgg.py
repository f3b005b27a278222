"""VGG-19 features, the measure of what an image shows rather than of its pixels (paper, Section 3.4)."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from udsd.errors import ConfigError, IncompatibleWeightsError, WeightsError
from udsd.extras import require
from udsd.regular import regular_size
from udsd.surroundings import own_settings

_STAGES = (("conv1_1", "conv1_2"), ("conv2_1", "conv2_2"), ("conv3_1", "conv3_2", "conv3_3"))
"""Convolutions between poolings, as far as conv3_3."""

_LAST = _STAGES[-1][-1]

_CHANNELS = (3, 64, 128, 256)
"""Channels into the first stage and out of each."""

_TORCHVISION_LAYERS = {
    "conv1_1": 0,
    "conv1_2": 2,
    "conv2_1": 5,
    "conv2_2": 7,
    "conv3_1": 10,
    "conv3_2": 12,
    "conv3_3": 14,
}
"""Where torchvision's `features` sequence holds each convolution."""

_LARGEST_FILE = 1 << 32
"""Bytes; all of VGG-19 in float64 has 1.2 GB."""

_MEAN = (0.485, 0.456, 0.406)
_STANDARD_DEVIATION = (0.229, 0.224, 0.225)
_REFERENCE_SIDE = 128


class VGG19Features(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] to features (B, 256, H/4, W/4): VGG-19 conv3_3.

    The weights are frozen and the module is in evaluation mode; gradients still reach the images. H and W are at
    least 4.

    Attributes:
        feature_scale: Factor on the features, so that losses and their weights mean the same whatever file the
            network came from; see `load_vgg19`.
    """

    mean: Tensor
    standard_deviation: Tensor

    def __init__(self, feature_scale: float = 1.0) -> None:
        super().__init__()
        self.feature_scale = feature_scale
        for names, (before, after) in zip(_STAGES, pairwise(_CHANNELS), strict=True):
            for position, name in enumerate(names):
                self.add_module(name, nn.Conv2d(after if position else before, after, kernel_size=3, padding=1))
        # Constants of the method: they move with the module, but are no weights.
        self.register_buffer("mean", _per_channel(_MEAN), persistent=False)
        self.register_buffer("standard_deviation", _per_channel(_STANDARD_DEVIATION), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def forward(self, image: Tensor, *, rectified: bool = True) -> Tensor:
        """Compute the features of images, after the last ReLU or, if not ``rectified``, before it."""
        features = ((image + 1) / 2 - self.mean) / self.standard_deviation
        for number, names in enumerate(_STAGES):
            if number:
                features = F.max_pool2d(features, kernel_size=2)
            for name in names:
                features = self.get_submodule(name)(features)
                if rectified or name != _LAST:
                    features = F.relu(features)
        return features * self.feature_scale


@own_settings()
def load_vgg19(weights: Path | None = None) -> VGG19Features:
    """Load the ImageNet weights of VGG-19.

    Networks from different sources give features of very different size (Oxford's about 390 on average,
    torchvision's about 1), while a loss has one weight. Therefore ``feature_scale`` is 1 for torchvision's, and for
    a file it is measured: it makes the mean feature of `reference_image` 1.

    Args:
        weights: A safetensors file with ``convN_M.weight`` and ``convN_M.bias`` from conv1_1 to conv3_3, for RGB in
            [0, 1] normalised by torchvision's mean and standard deviation. Further tensors are left alone. Without a
            file torchvision's weights are taken, which torchvision downloads (about 550 MB) and keeps.

    Raises:
        WeightsError: The file cannot be read, or torchvision or its weights cannot be had.
        IncompatibleWeightsError: A tensor is missing, or the tensors are not those of VGG-19.
    """
    if weights is None:
        return _with_weights(_torchvision_weights(), "torchvision's VGG-19")
    network = _with_weights(_file_weights(weights), str(weights))
    network.feature_scale = _measured_scale(network, str(weights))
    return network


def reference_image() -> Tensor:
    """The fixed image (1, 3, 128, 128) in [-1, 1] on which feature sizes are measured.

    A sum of plane waves whose amplitude falls as their frequency grows, as in photographs; the channels share most
    of it; tanh gives it the contrast of a photograph. It is a formula, so that it is the same everywhere.
    """
    steps = torch.arange(_REFERENCE_SIDE, dtype=torch.float64) / _REFERENCE_SIDE
    down, right = torch.meshgrid(steps, steps, indexing="ij")
    waves = torch.zeros(3, _REFERENCE_SIDE, _REFERENCE_SIDE, dtype=torch.float64)
    for octave in range(6):
        frequency = 2.0**octave
        for direction in range(5):
            angle = math.pi * (direction / 5 + octave / 11)
            along = math.cos(angle) * right + math.sin(angle) * down
            for channel in range(3):
                phase = direction**2 + octave + 0.3 * channel
                waves[channel] += torch.sin(2 * math.pi * frequency * along + phase) / frequency
    return torch.tanh(waves / 2).float()[None]


def _per_channel(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1)


def _needed_keys() -> str:
    names = ", ".join(name for names in _STAGES for name in names)
    return f"{names}, each with .weight and .bias"


def _with_weights(tensors: dict[str, Tensor], origin: str) -> VGG19Features:
    network = VGG19Features().float()  # whatever the default dtype is
    wanted = network.state_dict()
    _check_shapes({key: list(tensors[key].shape) for key in wanted if key in tensors}, origin)
    network.load_state_dict({key: tensors[key].float() for key in wanted})
    return network


def _check_shapes(found: dict[str, list[int]], origin: str) -> None:
    wanted = VGG19Features().state_dict()
    unfit = [key for key, value in wanted.items() if found.get(key) != list(value.shape)]
    if unfit:
        raise IncompatibleWeightsError(
            f"{origin}: missing or of another shape than in VGG-19: {', '.join(unfit)}; "
            f"give a safetensors file with {_needed_keys()}"
        )


def _file_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of VGG-19 alone; further ones, of whatever size, are not read."""
    wanted = VGG19Features().state_dict()
    try:
        if regular_size(path) > _LARGEST_FILE:
            raise WeightsError(f"{path}: larger than any VGG-19; give a safetensors file with {_needed_keys()}")
        with safe_open(path, framework="pt") as file:
            found = [key for key in file.keys() if key in wanted]  # noqa: SIM118
            _check_shapes({key: file.get_slice(key).get_shape() for key in found}, str(path))
            return {key: file.get_tensor(key) for key in found}
    # Where it cannot be mapped torch raises RuntimeError.
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: cannot be read ({error}); give a safetensors file with {_needed_keys()}"
        ) from error


def _torchvision_weights() -> dict[str, Tensor]:
    try:
        # A failed download or a wrong hash raises OSError or RuntimeError.
        network = require("torchvision.models", "torchvision", "train").vgg19(weights="IMAGENET1K_V1", progress=False)
    except (ConfigError, OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"torchvision's VGG-19 cannot be had ({reason}); pass a safetensors file with {_needed_keys()}"
        ) from error
    tensors = network.features.state_dict()
    return {
        f"{name}.{kind}": tensors[f"{index}.{kind}"]
        for name, index in _TORCHVISION_LAYERS.items()
        for kind in ("weight", "bias")
    }


@torch.no_grad()
def _measured_scale(network: VGG19Features, origin: str) -> float:
    size = float(network(reference_image()).mean())
    if not 0 < size < math.inf:
        raise IncompatibleWeightsError(f"{origin}: its features of a test image average {size}; give trained weights")
    return 1 / size
