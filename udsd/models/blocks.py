"""Building blocks shared by the networks."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

IMAGE_CHANNELS = 3
"""Images are RGB; grey ones are given three times."""

CONTENT_STRIDE = 4
"""Image pixels per content feature along each side; images are padded to multiples of it."""

LEAKY_SLOPE = 0.2
NORM_EPSILON = 1e-5
"""Added to variances before they divide."""


class InstanceNorm(nn.Module):
    """Normalise each channel of each image to mean 0 and variance 1, without affine or running statistics.

    A 1x1 feature map has no variance; there the result is zero, where `torch.nn.InstanceNorm2d` raises.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Map features (B, C, H, W) to the same shape."""
        # Positions as one dimension and channels last, with plain means: several times as fast on a CPU as
        # var_mean or instance_norm, and channels_last in, channels_last out.
        batch, channels, height, width = features.shape
        rows = features.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        if features.device.type == "cuda" and features.dtype != torch.float16:
            return normalised_rows(rows).reshape(batch, height, width, channels).permute(0, 3, 1, 2)
        centred = rows - rows.mean(dim=1, keepdim=True)
        if centred.dtype == torch.float16:
            # Squares over 65504 would be infinite, and the map zero. A norm sums them in float32.
            norm = torch.linalg.vector_norm(centred, dim=1, keepdim=True, dtype=torch.float32)
            variance = norm.square() / (height * width)
        else:
            variance = centred.square().mean(dim=1, keepdim=True)
        normalised: Tensor = centred * torch.rsqrt(variance + NORM_EPSILON).to(centred.dtype)
        return normalised.reshape(batch, height, width, channels).permute(0, 3, 1, 2)


def normalised_rows(rows: Tensor) -> Tensor:
    """Rows (B, N, C) with mean 0 and variance 1 over N, in two readings, for GPUs: memory is their limit."""
    variance, mean = torch.var_mean(rows, dim=1, correction=0, keepdim=True)
    scale = torch.rsqrt(variance.float() + NORM_EPSILON)
    return torch.addcmul((-mean * scale).to(rows.dtype), rows, scale.to(rows.dtype))


class LayerNorm(nn.Module):
    """Normalise each image over channels, height and width together, then scale and shift per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Map features (B, C, H, W) to the same shape."""
        if features.device.type == "cpu":
            return F.group_norm(features, 1, self.weight, self.bias, NORM_EPSILON)
        return whole_norm(features, self.weight, self.bias)


def whole_norm(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """What `LayerNorm` computes, for GPUs: features (B, C, H, W) to the same shape and format.

    CUDA's group_norm sums each image in a single block of threads, so that one large image keeps one of a hundred
    multiprocessors busy; var_mean spreads the sum over all. It is computed in float32 at least.

    Args:
        features: Of any floating-point format.
        weight: (C,), the scale of each channel.
        bias: (C,), its shift.
    """
    wide = features.to(torch.promote_types(features.dtype, torch.float32))
    variance, mean = torch.var_mean(wide, dim=(1, 2, 3), correction=0, keepdim=True)
    scale = weight[:, None, None] * torch.rsqrt(variance + NORM_EPSILON)
    # Rounded here, since the convolution behind rounds to the same: what lies between moves half the bytes.
    return torch.addcmul(bias[:, None, None] - mean * scale, wide, scale).to(features.dtype)


class ReflectedConv2d(nn.Conv2d):
    """A convolution that pads by reflection; without a ``stride`` it keeps the size if the kernel is odd."""

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel_size: int, stride: int = 1, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, bias=bias)
        self.margin = (kernel_size - 1) // 2

    def forward(self, features: Tensor) -> Tensor:
        """Map features (B, C, H, W) to (B, C', H / stride, W / stride)."""
        # On CPUs autocast would widen to float32 for the padding, only to narrow again; but padding copies, it rounds
        # nothing.
        with torch.autocast(features.device.type, enabled=False):
            padded = reflected(features, self.margin)
        return F.conv2d(padded, self.weight, self.bias, self.stride)


def reflected(features: Tensor, margin: int) -> Tensor:
    """Pad features (B, C, H, W) by so many reflected positions on each side; channels_last in, channels_last out."""
    if features.device.type == "cuda" and features.is_contiguous(memory_format=torch.channels_last):
        return reflected_rows(features, margin)
    return F.pad(features, [margin] * 4, mode="reflect")


def reflected_rows(features: Tensor, margin: int) -> Tensor:
    """What `reflected` does to maps in channels_last on CUDA.

    There PyTorch pads two sides in channels first alone: it reorders the whole map before, and the convolution behind
    orders it back. Of three sides the last may be the channels, which get no margin, and nothing is reordered.
    """
    positions = features.permute(0, 2, 3, 1)
    return F.pad(positions, [0, 0, *[margin] * 4], mode="reflect").permute(0, 3, 1, 2)


class DoublingConv2d(nn.ConvTranspose2d):
    """A transposed 3x3 convolution that doubles both sides: features (B, C, H, W) to (B, C', 2 H, 2 W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=3, stride=2, padding=1, output_padding=1)


class PointwiseConv2d(nn.ConvTranspose2d):
    """A transposed 1x1 convolution: features (B, C, H, W) to (B, C', H, W), each position by itself."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=1)


class Activation(Protocol):
    """A function of single values, such as ReLU."""

    def __call__(self, features: Tensor, /, *, inplace: bool = False) -> Tensor:
        """Map features of any shape to the same shape, in their place if that is allowed."""
        ...


def relu(features: Tensor, /, *, inplace: bool = False) -> Tensor:
    """Rectify features of any shape."""
    return F.relu(features, inplace)


def leaky_relu(features: Tensor, /, *, inplace: bool = False) -> Tensor:
    """Rectify features of any shape; negative values keep `LEAKY_SLOPE` of their size."""
    return F.leaky_relu(features, LEAKY_SLOPE, inplace)


class Layer(NamedTuple):
    """A convolution, and the normalisation and activation that follow it.

    Each network lists its layers once, in the method ``layers``. Both its ``forward`` and the strips
    (`udsd.inference.strips`) go by that list.
    """

    convolution: nn.Module
    norm: nn.Module | None = None
    activation: Activation | None = None

    def apply(self, features: Tensor) -> Tensor:
        """Map features (B, C, H, W) to those of the layer."""
        features = self.convolution(features)
        if self.norm is not None:
            features = self.norm(features)
        return features if self.activation is None else self.activation(features)


class ResidualBlock(nn.Module):
    """Two reflection-padded 3x3 convolutions with instance normalisation, added to the input.

    The convolutions have no bias: the normalisation behind each would take it out again.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ReflectedConv2d(channels, channels, kernel_size=3, bias=False)
        self.conv2 = ReflectedConv2d(channels, channels, kernel_size=3, bias=False)
        self.norm = InstanceNorm()

    def forward(self, features: Tensor) -> Tensor:
        """Map features (B, C, H, W) to the same shape."""
        change = features
        for layer in self.layers():
            change = layer.apply(change)
        return features + change

    def layers(self) -> tuple[Layer, ...]:
        """What leads to the change that is added to the input."""
        return Layer(self.conv1, self.norm, relu), Layer(self.conv2, self.norm)
