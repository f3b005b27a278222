"""The generator: content and blur code in, image out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from udsd.models.blocks import IMAGE_CHANNELS, DoublingConv2d, Layer, LayerNorm, PointwiseConv2d, ResidualBlock, relu
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
        self.up1 = DoublingConv2d(inner + code, 2 * width)
        self.norm1 = LayerNorm(2 * width)
        self.up2 = DoublingConv2d(2 * width + code, width)
        self.norm2 = LayerNorm(width)
        self.to_image = PointwiseConv2d(width + code, IMAGE_CHANNELS)

    def forward(self, content: Tensor, code: Tensor) -> Tensor:
        """Decode content features under a blur code."""
        features: Tensor = self.blocks(_with_code(content, code))
        for layer in self.layers():
            features = layer.apply(_with_code(features, code))
        return features

    def layers(self) -> tuple[Layer, ...]:
        """The layers behind the residual blocks; each takes the code as further channels, behind the features."""
        return (
            Layer(self.up1, self.norm1, relu),
            Layer(self.up2, self.norm2, relu),
            Layer(self.to_image),
        )


def _with_code(features: Tensor, code: Tensor) -> Tensor:
    height, width = features.shape[-2:]
    everywhere = code.to(features.dtype)[:, :, None, None].expand(-1, -1, height, width)
    return torch.cat([features, everywhere], dim=1)
