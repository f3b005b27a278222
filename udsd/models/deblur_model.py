"""The inference path of the method as one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from udsd.models.blocks import CONTENT_STRIDE
from udsd.models.config import ModelConfig
from udsd.models.encoders import BlurEncoder, ContentEncoder
from udsd.models.generator import Generator

SMALLEST_SIDE = 16
"""The blur encoder halves the image four times and each time reflects one pixel, which needs two: 16, 8, 4, 2."""


class DeblurModel(nn.Module):
    """Restore a blurred image: s_b = G_S(E_B^c(b), z_b), with z_b ~ E^b(b) (paper, Figure 2).

    These three networks are what a model folder stores. Images of any size are taken: sides are padded by
    reflection to multiples of 4 (and to at least 16), and the result is cropped back.

    Attributes:
        content_encoder: E_B^c.
        blur_encoder: E^b.
        generator: G_S.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.content_encoder = ContentEncoder(config)
        self.blur_encoder = BlurEncoder(config)
        self.generator = Generator(config)
        self.begin_as_identity()

    def begin_as_identity(self) -> None:
        """With ``residual_output``, make training start from the blurred image itself, not from noise added to it."""
        if self.config.residual_output:
            nn.init.zeros_(self.generator.to_image.weight)
            nn.init.zeros_(self.generator.to_image.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor, code: Tensor | None = None) -> Tensor:
        """Restore images.

        Args:
            image: Blurred images (B, 3, H, W) in [-1, 1].
            code: Blur codes (B, Z). Without them the mean of the encoder's distribution is taken, which makes
                the result deterministic.

        Returns:
            Restored images (B, 3, H, W). With ``residual_output`` values can leave [-1, 1] a little.
        """
        height, width = image.shape[-2:]
        padded = pad_image(image)
        if code is None:
            code, _ = self.blur_encoder(padded)
        return self.decode(padded, code)[..., :height, :width]

    def decode(self, image: Tensor, code: Tensor) -> Tensor:
        """Restore images (B, 3, H, W) whose sides need no padding, with blur codes (B, Z)."""
        decoded = self.generator(self.content_encoder(image), code)
        return compose(image, decoded, residual=self.config.residual_output)

    def encode_blur(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, Z) of the blur code of images (B, 3, H, W) in [-1, 1] of any size."""
        mean, log_variance = self.blur_encoder(pad_image(image))
        return mean, log_variance


def compose(image: Tensor, decoded: Tensor, *, residual: bool) -> Tensor:
    """What a generator's output means: a correction of the image, or the result itself before its tanh.

    Args:
        image: What was encoded, (B, 3, H, W).
        decoded: The generator's output, of the same shape.
        residual: `ModelConfig.residual_output`.
    """
    return image + decoded if residual else torch.tanh(decoded)


def pad_image(image: Tensor) -> Tensor:
    """Reflect images (B, 3, H, W) at the right and the bottom to sides that the networks take."""
    return pad_to_multiple(image, CONTENT_STRIDE, SMALLEST_SIDE)


def pad_to_multiple(image: Tensor, multiple: int, at_least: int) -> Tensor:
    """Pad an image (B, C, H, W) at the right and the bottom by reflection.

    The sides grow to the next multiple that is no smaller than ``at_least``. Reflection can add at most
    ``side - 1`` pixels at a time, so that a very small image is reflected again and again, and a side of one
    pixel is repeated.
    """
    height, width = image.shape[-2:]
    target_height, target_width = (max(-(-side // multiple) * multiple, at_least) for side in (height, width))
    while (height, width) != (target_height, target_width):
        step_down = min(target_height - height, max(height - 1, 1))
        step_right = min(target_width - width, max(width - 1, 1))
        for padding, side in (((0, 0, 0, step_down), height), ((0, step_right, 0, 0), width)):
            mode = "reflect" if side > 1 else "replicate"
            image = F.pad(image, padding, mode=mode)
        height, width = image.shape[-2:]
    return image


def reparameterize(
    mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None, *, noise: Tensor | None = None
) -> Tensor:
    """Draw z = mean + eps * sigma with eps ~ N(0, 1) (Kingma and Welling, 2014).

    Args:
        mean: (B, Z).
        log_variance: (B, Z).
        generator: Gives eps; the global one if None.
        noise: eps itself, (B, Z), or (1, Z) for the same in all.

    Returns:
        z, (B, Z).
    """
    if noise is None:
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    return mean + noise * torch.exp(0.5 * log_variance)
