"""The generator: content and blur code in, image out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from udsd.models.blocks import IMAGE_CHANNELS, LayerNorm, ResidualBlock
from udsd.models.config import ModelConfig


class Generator(nn.Module):
    """G_S and G_B: content features (B, 4 width, H/4, W/4) and a code (B, Z) to an image (B, 3, H, W).

    The code is repeated over all positions and concatenated before the residual blocks and before each of the
    three transposed convolutions. The output is not yet limited to a range: `DeblurModel` applies tanh, or
    adds the input image, as the configuration says.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, code = config.base_width, config.blur_code_size
        inner = config.content_channels + code
        self.blocks = nn.Sequential(*(ResidualBlock(inner) for _ in range(config.residual_blocks)))
        self.up1 = _doubling_conv(inner + code, 2 * width)
        self.norm1 = LayerNorm(2 * width)
        self.up2 = _doubling_conv(2 * width + code, width)
        self.norm2 = LayerNorm(width)
        self.to_image = nn.ConvTranspose2d(width + code, IMAGE_CHANNELS, kernel_size=1)

    def forward(self, content: Tensor, code: Tensor) -> Tensor:
        """Decode content features under a blur code."""
        features = self.blocks(_with_code(content, code))
        features = F.relu(self.norm1(self.up1(_with_code(features, code))))
        features = F.relu(self.norm2(self.up2(_with_code(features, code))))
        return self.to_image(_with_code(features, code))  # type: ignore[no-any-return]


def _doubling_conv(in_channels: int, out_channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(in_channels, out_channels, kernel_size=3, stride=2, padding=1, output_padding=1)


def _with_code(features: Tensor, code: Tensor) -> Tensor:
    height, width = features.shape[-2:]
    planes = code.to(features.dtype)[:, :, None, None].expand(-1, -1, height, width)
    return torch.cat([features, planes], dim=1)
