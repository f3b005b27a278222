"""A layer of a network, as it is computed strip by strip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from udsd.inference.strips import winograd
from udsd.inference.strips.cuts import cut
from udsd.inference.strips.rows import Cuts, Rows
from udsd.inference.strips.statistics import Statistics
from udsd.models.blocks import (
    NORM_EPSILON,
    Activation,
    DoublingConv2d,
    InstanceNorm,
    Layer,
    LayerNorm,
    PointwiseConv2d,
    ReflectedConv2d,
)

Change = Callable[[Tensor], Tensor]
"""A function of a strip that gives one of the same shape."""


class StripConvolution(Protocol):
    """A convolution that computes any rows of its result."""

    def height_out(self, height: int) -> int:
        """Height of the result for a map of ``height`` rows."""
        ...

    def cuts(self, height: int, strip_height: int) -> Cuts:
        """How the result for a map of ``height`` rows is cut."""
        ...

    def first_row(self, start: int) -> int:
        """First row of the map that the rows of the result from ``start`` on need; negative above its border."""
        ...

    def compute(self, rows: Rows, start: int, stop: int) -> Tensor:
        """Rows ``start`` to ``stop`` of the result, (1, C', stop - start, W'), channels last."""
        ...


@dataclass(frozen=True, slots=True)
class StripLayer:
    """A convolution and what follows it: the counterpart of `udsd.models.blocks.Layer`.

    Attributes:
        convolution: With copies of the weights in the number format of the arithmetic.
        norm: The network's own, for its weights, or None.
        activation: Follows the normalisation, or the convolution if there is none.
    """

    convolution: StripConvolution
    norm: InstanceNorm | LayerNorm | None
    activation: Activation | None

    @classmethod
    def of(cls, layer: Layer, dtype: torch.dtype, *, use_winograd: bool = False) -> StripLayer:
        """Take over a layer of a network.

        Args:
            layer: One that a network lists.
            dtype: Number format of the arithmetic.
            use_winograd: Run 3x3 convolutions of stride 1 as `WinogradConvolution`, which is for float32.

        Raises:
            TypeError: Its convolution or normalisation has no counterpart here.
        """
        norm = layer.norm
        if not (norm is None or type(norm) in (InstanceNorm, LayerNorm)):
            raise no_counterpart(norm)
        return cls(_convolution(layer.convolution, dtype, use_winograd), norm, layer.activation)  # type: ignore[arg-type]

    def compute(self, rows: Rows, start: int, stop: int) -> Tensor:
        """Rows ``start`` to ``stop`` of the result; before `normalisation`, if the layer has one."""
        strip = self.convolution.compute(rows, start, stop)
        return strip if self.activation is None or self.norm is not None else self.activation(strip, inplace=True)

    def normalisation(self, statistics: Statistics) -> Change | None:
        """What follows once the statistics of the whole map are known: normalisation and activation.

        Returns:
            A function that gives a new tensor, or None for a layer that does not normalise.
        """
        norm, activation = self.norm, self.activation
        if norm is None:
            return None
        if isinstance(norm, LayerNorm):
            (mean, variance), weight, bias = statistics.over_channels(), norm.weight, norm.bias
        else:
            (mean, variance), weight, bias = statistics.by_channel(), None, None

        def apply(strip: Tensor) -> Tensor:
            result = F.batch_norm(strip, mean, variance, weight, bias, training=False, eps=NORM_EPSILON)
            return result if activation is None else activation(result, inplace=True)

        return apply


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution whose input is continued by reflection."""

    weight: Tensor
    bias: Tensor | None
    stride: int
    margin: int

    @property
    def size(self) -> int:
        """Rows of the kernel."""
        return self.weight.shape[-1]

    def height_out(self, height: int) -> int:
        """Height of the result for a map of ``height`` rows."""
        return (height + 2 * self.margin - self.size) // self.stride + 1

    def cuts(self, height: int, strip_height: int) -> Cuts:
        """How the result is cut."""
        return cut(self.height_out(height), strip_height)

    def first_row(self, start: int) -> int:
        """First row of the map that the rows of the result from ``start`` on need."""
        return start * self.stride - self.margin

    def compute(self, rows: Rows, start: int, stop: int) -> Tensor:
        """Rows ``start`` to ``stop`` of the result."""
        window = rows.window(self.first_row(start), self.first_row(stop - 1) + self.size, self.margin)
        return F.conv2d(window, self.weight, self.bias, self.stride)


@dataclass(frozen=True, slots=True)
class WinogradConvolution:
    """A 3x3 convolution of stride 1 and no bias, with fewer multiplications (`udsd.inference.strips.winograd`).

    Its tiles begin at the upper left corner of the map, wherever a strip begins, so that the cuts do not show.
    """

    weights: Tensor

    def height_out(self, height: int) -> int:
        """Height of the result: that of the map."""
        return height

    def cuts(self, height: int, strip_height: int) -> Cuts:
        """How the result is cut."""
        return cut(height, strip_height)

    def first_row(self, start: int) -> int:
        """First row of the map that the rows of the result from ``start`` on need."""
        return winograd.first_row_of_tile(start) - 1

    def compute(self, rows: Rows, start: int, stop: int) -> Tensor:
        """Rows ``start`` to ``stop`` of the result."""
        window = rows.window(self.first_row(start), stop + 1, 1)
        return winograd.convolve(window, self.weights)[:, :, start - winograd.first_row_of_tile(start) :]


@dataclass(frozen=True, slots=True)
class Doubling:
    """A transposed 3x3 convolution that doubles both sides."""

    weight: Tensor
    bias: Tensor | None

    def height_out(self, height: int) -> int:
        """Height of the result: twice that of the map."""
        return 2 * height

    def cuts(self, height: int, strip_height: int) -> Cuts:
        """How the result is cut: a strip is computed from ``strip_height`` rows at most, and twice as high."""
        return [(2 * start, 2 * stop) for start, stop in cut(height, strip_height)]

    def first_row(self, start: int) -> int:
        """First row of the map that the rows of the result from ``start`` on need."""
        return start // 2

    def compute(self, rows: Rows, start: int, stop: int) -> Tensor:
        """Rows ``start`` to ``stop`` of the result, both even."""
        # Row 2i of the result needs row i of the map, and row 2i + 1 rows i and i + 1.
        window = rows.window(start // 2, min(stop // 2 + 1, rows.height))
        doubled = F.conv_transpose2d(window, self.weight, self.bias, stride=2, padding=1, output_padding=1)
        return doubled[:, :, : stop - start]


@dataclass(frozen=True, slots=True)
class ToImage:
    """The generator's last layer: at each pixel, a product of a matrix with features and blur code.

    The code is the same at all pixels, so its share of the product is part of the bias.

    Attributes:
        weight: Of the features, in the number format of the arithmetic: (3, C, 1, 1).
        code_weight: Of the code, float32 (3, Z).
        bias: float32 (3,).
    """

    weight: Tensor
    code_weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, layer: Layer, code_size: int, dtype: torch.dtype) -> ToImage:
        """Take over the generator's last layer, of which the last ``code_size`` channels are the code's.

        Raises:
            TypeError: It is no `PointwiseConv2d`, or something follows it.
        """
        convolution, norm, activation = layer
        if type(convolution) is not PointwiseConv2d or norm is not None or activation is not None:
            raise no_counterpart(convolution)
        weight = convolution.weight.detach().transpose(0, 1)
        features = weight.shape[1] - code_size
        return cls(
            weight[:, :features].to(dtype).contiguous(memory_format=torch.channels_last),
            weight[:, features:, 0, 0],
            convolution.bias,  # type: ignore[arg-type]
        )

    def with_code(self, code: Tensor) -> ToImage:
        """The layer for images of one blur code (1, Z)."""
        return replace(self, bias=(code @ self.code_weight.T + self.bias)[:, :, None, None])

    def compute(self, rows: Rows, start: int, stop: int) -> Tensor:
        """Rows ``start`` to ``stop`` of the generator's output, float32 (1, 3, stop - start, W)."""
        return F.conv2d(rows.window(start, stop), self.weight).float() + self.bias


def no_counterpart(module: nn.Module) -> TypeError:
    """The error for what a network holds and strips do not know."""
    return TypeError(
        f"{type(module).__name__} cannot be run in strips; list it among the layers of its network, and give it a "
        "counterpart in udsd/inference/strips/layers.py"
    )


def _convolution(layer: nn.Module, dtype: torch.dtype, use_winograd: bool) -> StripConvolution:
    # Exact types: a subclass can have another ``forward``.
    if type(layer) is ReflectedConv2d:
        if use_winograd and layer.kernel_size == (3, 3) and layer.stride == (1, 1) and layer.bias is None:
            return WinogradConvolution(
                winograd.transform_weights(layer.weight.detach(), columns=winograd.columns_pay())
            )
        return Convolution(*_weights(layer, dtype), layer.stride[0], layer.margin)
    if type(layer) is DoublingConv2d:
        return Doubling(*_weights(layer, dtype))
    raise no_counterpart(layer)


def _weights(layer: ReflectedConv2d | DoublingConv2d, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    weight = layer.weight.detach().to(dtype, memory_format=torch.channels_last)
    return weight, None if layer.bias is None else layer.bias.detach().to(dtype)
