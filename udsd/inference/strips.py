"""The networks layer by layer and strip by strip: the pixels of the untiled result, in bounded memory.

Instance and layer normalisation need the mean and variance of whole feature maps. So each layer runs over all strips
before the next begins, and the statistics of the strips are merged in float64. Strips overlap nowhere: a convolution
takes the rows that it needs from the strips above and below.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from udsd.inference import winograd
from udsd.inference.planes import Mapped, Plane, Rows, Store, Whole, assembled, reflected_window
from udsd.inference.winograd import TILE
from udsd.models import DeblurModel, compose
from udsd.models.blocks import CONTENT_STRIDE, LEAKY_SLOPE, NORM_EPSILON, LayerNorm, ReflectedConv2d

Activation = Callable[[Tensor], Tensor]

_POSITIONS = 2048
"""Of so many positions the mean and variance are taken in float32; float32 loses digits over more of them."""


class Statistics:
    """Mean and variance of each channel of a map, merged from its strips (Chan, Golub and LeVeque, 1979)."""

    def __init__(self) -> None:
        self._count = 0
        self._dtype = torch.float32
        self._mean = torch.zeros(())
        self._squares = torch.zeros(())

    def add(self, strip: Tensor) -> None:
        """Take in a strip (1, C, h, W)."""
        rows = max(_POSITIONS // strip.shape[3], 1)
        for block in torch.split(strip, rows, dim=2):
            self._add_block(block)

    def _add_block(self, strip: Tensor) -> None:
        # Without running statistics to update, those of the strip would be rounded to its own number format.
        self._dtype = torch.promote_types(strip.dtype, torch.float32)
        running = strip.new_zeros(2, strip.shape[1], dtype=self._dtype)
        mean, variance = (x.double() for x in torch.batch_norm_update_stats(strip, running[0], running[1], 1.0))
        count = strip.shape[2] * strip.shape[3]
        if self._count == 0:
            self._count, self._mean, self._squares = count, mean, variance * count
            return
        total = self._count + count
        difference = mean - self._mean
        self._mean = self._mean + difference * (count / total)
        self._squares = self._squares + variance * count + difference.square() * (self._count * count / total)
        self._count = total

    def by_channel(self) -> tuple[Tensor, Tensor]:
        """Mean and variance (C,) of each channel: instance normalisation."""
        return self._mean.to(self._dtype), (self._squares / self._count).to(self._dtype)

    def is_flat(self) -> bool:
        """Whether normalisation divides by its epsilon rather than by the map's own deviation, as on a blank image.

        From layer to layer it would magnify rounding then. Plain convolutions round a blank map the same everywhere, so
        that nothing is left of it; Winograd's do not.
        """
        return bool((self._squares / self._count).mean() < NORM_EPSILON)

    def over_channels(self) -> tuple[Tensor, Tensor]:
        """Mean and variance over all channels, (C,) equal values: layer normalisation."""
        mean = self._mean.mean()
        variance = (self._squares / self._count + (self._mean - mean).square()).mean()
        return mean.to(self._dtype).expand_as(self._mean), variance.to(self._dtype).expand_as(self._mean)


@dataclass(frozen=True, slots=True)
class _Convolution:
    """A convolution in the number format of the arithmetic; its map is continued by reflection."""

    weight: Tensor
    bias: Tensor | None
    stride: int
    margin: int

    @classmethod
    def of(cls, layer: ReflectedConv2d, dtype: torch.dtype) -> _Convolution:
        weight, bias = _cast(layer, dtype)
        return cls(weight, bias, layer.stride[0], layer.margin)

    @property
    def size(self) -> int:
        return self.weight.shape[-1]

    def rows_out(self, rows: int) -> int:
        return (rows + 2 * self.margin - self.size) // self.stride + 1

    def rows_needed(self, start: int, stop: int) -> tuple[int, int]:
        return start * self.stride - self.margin, (stop - 1) * self.stride - self.margin + self.size

    def apply(self, source: Rows, start: int, stop: int) -> Tensor:
        """Rows ``start`` to ``stop`` of the result."""
        window = reflected_window(source, *self.rows_needed(start, stop), self.margin)
        return F.conv2d(window, self.weight, self.bias, self.stride)


@dataclass(frozen=True, slots=True)
class _WinogradConvolution:
    """The same of stride 1, with fewer multiplications. Its tiles begin at the map's corner, wherever a strip does."""

    weights: Tensor

    @classmethod
    def of(cls, layer: ReflectedConv2d) -> _WinogradConvolution:
        return cls(winograd.transform_weights(layer.weight.detach(), columns=winograd.columns_pay()))

    def rows_out(self, rows: int) -> int:
        return rows

    def rows_needed(self, start: int, stop: int) -> tuple[int, int]:
        return _down_to_tile(start) - 1, stop + 1

    def apply(self, source: Rows, start: int, stop: int) -> Tensor:
        """Rows ``start`` to ``stop`` of the result."""
        window = reflected_window(source, *self.rows_needed(start, stop), 1)
        return winograd.convolve(window, self.weights)[:, :, start - _down_to_tile(start) :]


_AnyConvolution = _Convolution | _WinogradConvolution
_Block = tuple[_AnyConvolution, _AnyConvolution]


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The residual blocks of both networks, as pairs of convolutions."""

    content: Sequence[_Block]
    generator: Sequence[_Block]

    @classmethod
    def of(cls, model: DeblurModel, convolution: Callable[[ReflectedConv2d], _AnyConvolution]) -> _Blocks:
        content, generator = (
            [(convolution(block.conv1), convolution(block.conv2)) for block in network.blocks.children()]  # type: ignore[arg-type]
            for network in (model.content_encoder, model.generator)
        )
        return cls(content, generator)


@dataclass(frozen=True, slots=True)
class _Upsampling:
    """A transposed convolution that doubles both sides, and the layer normalisation behind it."""

    weight: Tensor
    bias: Tensor | None
    norm: LayerNorm

    def apply(self, source: Rows, planes: Tensor, start: int, stop: int) -> Tensor:
        """Rows 2 start to 2 stop of the result; the code's planes are further channels."""
        # The last row of the pair that a row gives depends on the row below.
        window = assembled(source.pieces(start, min(stop + 1, source.height)), planes=planes)
        doubled = F.conv_transpose2d(window, self.weight, self.bias, stride=2, padding=1, output_padding=1)
        return doubled[:, :, : 2 * (stop - start)]

    def normalise(self, statistics: Statistics) -> Activation:
        return _normalise(*statistics.over_channels(), self.norm.weight, self.norm.bias)


class StripModel:
    """The inference path of a `DeblurModel`, run in strips. The model itself is left as it is.

    Args:
        model: The networks, on their device. Their weights are copied in the number format of the arithmetic.
        dtype: float32, bfloat16 or float16.
    """

    def __init__(self, model: DeblurModel, dtype: torch.dtype) -> None:
        self.config = model.config
        self.dtype = dtype
        encoder, generator = model.content_encoder, model.generator
        self._blur_stages = [_Convolution.of(stage, dtype) for stage in model.blur_encoder.stages]  # type: ignore[arg-type]
        self._blur_statistics = model.blur_encoder
        self._stem = _Convolution.of(encoder.stem, dtype)
        self._downs = [_Convolution.of(layer, dtype) for layer in (encoder.down1, encoder.down2)]
        self._plain_blocks = _Blocks.of(model, lambda layer: _Convolution.of(layer, dtype))
        self._blocks = self._plain_blocks
        if winograd.pays(self.config.content_channels, dtype, self._stem.weight.device):
            self._blocks = _Blocks.of(model, _WinogradConvolution.of)
        self._ups = [
            _Upsampling(*_cast(layer, dtype), norm)
            for layer, norm in ((generator.up1, generator.norm1), (generator.up2, generator.norm2))
        ]
        weight = generator.to_image.weight.detach().transpose(0, 1)
        features = weight.shape[1] - model.config.blur_code_size
        self._to_image_weight = weight[:, :features].to(dtype).contiguous(memory_format=torch.channels_last)
        self._to_image_code_weight = weight[:, features:, 0, 0]
        self._to_image_bias: Tensor = generator.to_image.bias  # type: ignore[assignment]

    def encode_blur(self, image: Tensor, strip_height: int, store: Store) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (1, Z) of the blur code of an image (1, 3, H, W) as `restore` takes."""
        source: Rows = Mapped(Whole(image), self._cast_rows)
        height = max(strip_height // 2, 1)
        for stage in self._blur_stages:
            features = _convolve(source, stage, height, store, finish=_leaky)
            source, height = features, max(height // 2, 1)
        total, count = torch.zeros((), dtype=torch.float64, device=image.device), 0
        for index, (_, stop) in enumerate(features.bounds):
            strip = features.strip(index)
            total = total + strip.double().sum(dim=(2, 3))
            count += strip.shape[2] * strip.shape[3]
            features.release(stop)
        return self._blur_statistics.from_features((total / count).to(image.dtype))

    def restore(
        self, image: Tensor, code: Tensor, strip_height: int, store: Store, out: Tensor | None = None
    ) -> Tensor:
        """Restore an image.

        Args:
            image: float32 (1, 3, H, W) in [-1, 1], sides multiples of 4 and at least 16.
            code: Its blur code, float32 (1, Z).
            strip_height: Rows of the image in one strip, a multiple of 4.
            store: Where feature maps lie.
            out: Where the result goes; it may be the image itself.

        Returns:
            float32 (1, 3, H, W), not limited to [-1, 1].
        """
        quarter = max(strip_height // CONTENT_STRIDE, 1)
        planes = code[:, :, None, None]
        content, is_flat = self._shrink(Mapped(Whole(image), self._cast_rows), quarter, store)
        blocks = self._plain_blocks if is_flat else self._blocks
        self._run_blocks(content, blocks.content, quarter, store)
        features = _replaced(content, lambda strip: assembled([strip], planes=planes), store)
        self._run_blocks(features, blocks.generator, quarter, store)
        return self._decode(image, features, planes, quarter, store, torch.empty_like(image) if out is None else out)

    def _shrink(self, image: Rows, quarter: int, store: Store) -> tuple[Plane, bool]:
        """What the content encoder's blocks begin with, and whether the image is flat."""
        half, at_half = Plane(store), Statistics()
        down = self._downs[0]
        stem = Mapped(_Convolved(image, self._stem), _leaky)
        # Lower strips than elsewhere: of full resolution, their rows take the most work space.
        for start, stop in _strips(down.rows_out(image.height), quarter):
            strip = down.apply(stem, start, stop)
            at_half.add(strip)
            half.append(strip)
        activated = Mapped(half, _rectified(_normalise(*at_half.by_channel())))
        at_quarter = Statistics()
        content = _convolve(activated, self._downs[1], quarter, store, at_quarter)
        activate = _rectified(_normalise(*at_quarter.by_channel()))
        for index in range(len(content.bounds)):
            content.change(index, activate)
        return content, at_half.is_flat() or at_quarter.is_flat()

    def _run_blocks(self, features: Plane, blocks: Sequence[_Block], quarter: int, store: Store) -> None:
        """Add what each residual block gives to the features."""
        for first, second in blocks:
            statistics = Statistics()
            inner = _convolve(_Kept(features), first, quarter, store, statistics)
            activated = Mapped(inner, _rectified(_normalise(*statistics.by_channel())))
            statistics = Statistics()
            change = _convolve(activated, second, quarter, store, statistics)
            normalise = _normalise(*statistics.by_channel())
            for index, (_, stop) in enumerate(features.bounds):
                features.change(index, partial(Tensor.add_, other=normalise(change.strip(index))))
                change.release(stop)

    def _decode(
        self, image: Tensor, features: Plane, planes: Tensor, quarter: int, store: Store, restored: Tensor
    ) -> Tensor:
        first, second = self._ups
        half, statistics = Plane(store), Statistics()
        for start, stop in features.bounds:
            strip = first.apply(features, planes, start, stop)
            statistics.add(strip)
            features.release(stop)  # first, so that the new strip can lie where the old one was
            half.append(strip)
            store.trim()
        source = Mapped(half, _rectified(first.normalise(statistics)))
        # The map of full resolution is the largest by far. It is computed twice rather than kept: once for its
        # statistics, once for the image. A single strip is kept.
        full: Callable[[int, int], Tensor] = partial(second.apply, source, planes)
        bounds = _strips(half.height, quarter)
        if len(half.bounds) == 1:
            full, bounds = cache(full), half.bounds
        statistics = Statistics()
        for start, stop in bounds:
            statistics.add(full(start, stop))
        activate = _rectified(second.normalise(statistics))
        # Planes of one value add the same to every pixel in a 1x1 convolution.
        bias = (planes[:, :, 0, 0] @ self._to_image_code_weight.T + self._to_image_bias)[:, :, None, None]
        for start, stop in bounds:
            decoded = F.conv2d(activate(full(start, stop)), self._to_image_weight).float() + bias
            rows = slice(2 * start, 2 * stop)
            restored[:, :, rows] = compose(image[:, :, rows], decoded, residual=self.config.residual_output)
            source.release(stop)
            store.trim()
        return restored

    def _cast_rows(self, rows: Tensor) -> Tensor:
        return rows.to(self.dtype, memory_format=torch.channels_last)


@dataclass(frozen=True, slots=True)
class _Convolved:
    """The rows of a convolution, computed when they are asked for and not kept."""

    source: Rows
    convolution: _Convolution

    @property
    def height(self) -> int:
        return self.convolution.rows_out(self.source.height)

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        return [self.convolution.apply(self.source, start, stop)]

    def release(self, before: int) -> None:
        self.source.release(self.convolution.rows_needed(before, before + 1)[0])


@dataclass(frozen=True, slots=True)
class _Kept:
    """A map that is needed again afterwards."""

    source: Rows

    @property
    def height(self) -> int:
        return self.source.height

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        return self.source.pieces(start, stop)

    def release(self, before: int) -> None:
        pass


def _convolve(
    source: Rows,
    convolution: _AnyConvolution,
    strip_height: int,
    store: Store,
    statistics: Statistics | None = None,
    finish: Activation | None = None,
) -> Plane:
    """Convolve a map strip by strip, and forget its rows on the way."""
    result = Plane(store)
    for start, stop in _strips(convolution.rows_out(source.height), strip_height):
        strip = convolution.apply(source, start, stop)
        if statistics is not None:
            statistics.add(strip)
        source.release(convolution.rows_needed(stop, stop + 1)[0])
        result.append(strip if finish is None else finish(strip))
    source.release(source.height)
    return result


def _replaced(source: Plane, change: Activation, store: Store) -> Plane:
    """A map of other strips, none of which may be a view of the old ones."""
    result = Plane(store)
    for index, (_, stop) in enumerate(source.bounds):
        strip = change(source.strip(index))
        source.release(stop)
        result.append(strip)
    return result


def _strips(height: int, strip_height: int) -> list[tuple[int, int]]:
    """Strips of nearly equal height, none higher than asked for, cut between tiles where they are high enough."""
    unit = TILE if strip_height >= TILE else 1
    units = math.ceil(height / unit)
    count = math.ceil(units / (strip_height // unit))
    edges = [min(units * index // count * unit, height) for index in range(count + 1)]
    return list(pairwise(edges))


def _normalise(mean: Tensor, variance: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Activation:
    def apply(strip: Tensor) -> Tensor:
        return F.batch_norm(strip, mean, variance, weight, bias, training=False, eps=NORM_EPSILON)

    return apply


def _rectified(activation: Activation) -> Activation:
    return lambda strip: activation(strip).relu_()


def _leaky(strip: Tensor) -> Tensor:
    return F.leaky_relu_(strip, LEAKY_SLOPE)


def _down_to_tile(row: int) -> int:
    return row // TILE * TILE


def _cast(layer: nn.Conv2d | nn.ConvTranspose2d, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    weight = layer.weight.detach().to(dtype, memory_format=torch.channels_last)
    return weight, None if layer.bias is None else layer.bias.detach().to(dtype)
