"""The two encoders of a blurred image: what is shown, and how it is blurred."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from udsd.models.blocks import (
    IMAGE_CHANNELS,
    InstanceNorm,
    Layer,
    ReflectedConv2d,
    ResidualBlock,
    leaky_relu,
    relu,
)
from udsd.models.config import ModelConfig

_BLUR_WIDTHS = (1, 2, 3, 4)
"""Channels of the four stages of the blur encoder, in units of the base width."""

_MAX_LOG_VARIANCE = 10.0


class ContentEncoder(nn.Module):
    """E_B^c and E_S^c: image (B, 3, H, W) in [-1, 1] to content features (B, 4 width, H/4, W/4).

    H and W are multiples of 4 and at least 8 (reflection needs a second row).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.base_width
        self.stem = ReflectedConv2d(IMAGE_CHANNELS, width, kernel_size=7)
        self.down1 = ReflectedConv2d(width, 2 * width, kernel_size=3, stride=2, bias=False)
        self.down2 = ReflectedConv2d(2 * width, 4 * width, kernel_size=3, stride=2, bias=False)
        self.blocks = nn.Sequential(*(ResidualBlock(config.content_channels) for _ in range(config.residual_blocks)))
        self.norm = InstanceNorm()

    def forward(self, image: Tensor) -> Tensor:
        """Encode the content of an image."""
        features = image
        for layer in self.layers():
            features = layer.apply(features)
        return self.blocks(features)  # type: ignore[no-any-return]

    def layers(self) -> tuple[Layer, ...]:
        """The layers before the residual blocks."""
        return (
            Layer(self.stem, activation=leaky_relu),
            Layer(self.down1, self.norm, relu),
            Layer(self.down2, self.norm, relu),
        )


class BlurEncoder(nn.Module):
    """E^b: image (B, 3, H, W) in [-1, 1] to the mean and log-variance of its blur code, (B, Z) each.

    Four strided convolutions, the mean over all positions, one linear layer. Nothing is normalised here: the
    strength of the edges is what tells the blur. The mean over positions lets it take any size.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = [IMAGE_CHANNELS, *(step * config.base_width for step in _BLUR_WIDTHS)]
        self.stages = nn.ModuleList(
            ReflectedConv2d(before, after, kernel_size=4, stride=2) for before, after in pairwise(channels)
        )
        self.statistics = nn.Linear(channels[-1], 2 * config.blur_code_size)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Encode the blur of an image; the code is drawn from a normal with this mean and log-variance."""
        features = image
        for layer in self.layers():
            features = layer.apply(features)
        return self.from_features(features.mean(dim=(2, 3)))

    def layers(self) -> tuple[Layer, ...]:
        """The layers before the mean over all positions."""
        return tuple(Layer(stage, activation=leaky_relu) for stage in self.stages)

    def from_features(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, Z) from the last stage's features, averaged over positions, (B, C)."""
        mean, log_variance = self.statistics(features).chunk(2, dim=1)
        return mean, log_variance.clamp(-_MAX_LOG_VARIANCE, _MAX_LOG_VARIANCE)
