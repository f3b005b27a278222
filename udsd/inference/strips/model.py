"""The networks in strips: which layers run in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from udsd.inference.strips import winograd
from udsd.inference.strips.feature_map import FeatureMap
from udsd.inference.strips.layers import StripLayer, ToImage, no_counterpart
from udsd.inference.strips.rows import Rows, Whole, WithCode
from udsd.inference.strips.runner import Output, Runner
from udsd.inference.strips.store import Store
from udsd.models import BlurEncoder, ContentEncoder, DeblurModel, Generator, compose
from udsd.models.blocks import CONTENT_STRIDE, Layer, ResidualBlock
from udsd.out_of_memory import memory_errors
from udsd.precision import widest_dtype

_CONTAINERS = (DeblurModel, ContentEncoder, BlurEncoder, Generator, ResidualBlock, nn.Sequential, nn.ModuleList)
"""Modules that only hold others. What their ``forward`` does, `StripModel` does in strips."""


class StripModel:
    """The inference path of a `DeblurModel`, run in strips. The model itself is left as it is.

    Normalisation needs the mean and variance of whole feature maps. So each layer runs over all strips before the next
    begins. Strips do not overlap: a convolution reads the rows that it needs from the strips above and below.

    Args:
        model: The networks, on their device. Weights are copied in the number format of the arithmetic.
        dtype: float32, bfloat16 or float16.

    Raises:
        TypeError: The model holds a module, or lists a layer, that has no counterpart in strips.
    """

    def __init__(self, model: DeblurModel, dtype: torch.dtype) -> None:
        _refuse_unknown_modules(model)
        self.config = model.config
        self.dtype = dtype
        plain = _in_format(dtype)
        *doublings, to_image = model.generator.layers()
        self._blur_layers = [plain(layer) for layer in model.blur_encoder.layers()]
        self._code_of = model.blur_encoder.from_features
        self._content_layers = [plain(layer) for layer in model.content_encoder.layers()]
        self._doublings = [plain(layer) for layer in doublings]
        self._to_image = ToImage.of(to_image, self.config.blur_code_size, dtype)
        self._plain_blocks = _Blocks.of(model, plain)
        self._blocks = self._plain_blocks
        if winograd.pays(self.config.content_channels, dtype, self._to_image.weight.device):
            self._blocks = _Blocks.of(model, _in_format(dtype, use_winograd=True))
        _refuse_other_sizes(self._content_layers, self._doublings)

    def encode_blur(self, image: Tensor, band_height: int, store: Store) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (1, Z) of the blur code of an image (1, 3, H, W) as `restore` takes."""
        runner = Runner(store, image.shape[2])
        rows: Rows = Whole(image, self.dtype)
        strip_height = band_height
        for layer in self._blur_layers:
            strip_height = max(strip_height // 2, 1)  # as the map is halved
            rows = runner.run(layer, rows, strip_height)
        return self._code_of(_mean_over_positions(rows, image.device).to(image.dtype))

    def restore(
        self,
        image: Tensor,
        code: Tensor,
        band_height: int,
        store: Store,
        out: Tensor | None = None,
        on_progress: Callable[[float], None] = lambda share: None,
    ) -> Tensor:
        """Restore an image.

        Args:
            image: float32 (1, 3, H, W) in [-1, 1], sides multiples of 4 and at least 16.
            code: Its blur code, float32 (1, Z).
            band_height: Rows of the image that a strip stands for, a multiple of 4.
            store: Where feature maps lie.
            out: Where the result goes; it may be the image itself.
            on_progress: Called after each strip with the share of all strips that are done.

        Returns:
            float32 (1, 3, H, W), not limited to [-1, 1].

        Raises:
            MemoryLimitError: The disk is full, or memory ran out when a part of the image was replaced already.
            Exception: Whatever says that memory ran out; the image is what it was.
        """
        # The same for all maps. In those that are larger than the content features a strip stands for fewer rows of the
        # image, for these are where a row takes the most work space.
        strip_height = max(band_height // CONTENT_STRIDE, 1)
        done = _Count(self._strip_count(image.shape[2], strip_height), on_progress)
        runner = Runner(store, image.shape[2], done.one_more)
        content, is_flat = self._encode_content(image, strip_height, runner)
        blocks = self._plain_blocks if is_flat else self._blocks
        for block in blocks.content:
            runner.add_block(content, block, strip_height)
        features = runner.copy(WithCode(content, code))
        for block in blocks.generator:
            runner.add_block(features, block, strip_height)
        restored = torch.empty_like(image) if out is None else out
        return self._decode(image, features, code, strip_height, runner, restored)

    def _encode_content(self, image: Tensor, strip_height: int, runner: Runner) -> tuple[FeatureMap, bool]:
        """Features before the residual blocks, and whether the image is flat (`Statistics.is_flat`)."""
        rows: Rows = Whole(image, self.dtype)
        outputs: list[Output] = []
        for layer in self._content_layers:
            rows = runner.run(layer, rows, strip_height)
            outputs.append(rows)
        content = outputs[-1].settled()
        return content, any(output.is_flat for output in outputs)

    def _decode(
        self, image: Tensor, features: FeatureMap, code: Tensor, strip_height: int, runner: Runner, restored: Tensor
    ) -> Tensor:
        rows: Rows = features
        for layer in self._doublings:
            rows = runner.run(layer, WithCode(rows, code), strip_height)
        to_image = self._to_image.with_code(code)
        for start, stop in rows.cuts:
            # Once its first rows are replaced, an image cannot be begun anew in smaller strips.
            with memory_errors("the image") if start and restored is image else nullcontext():
                decoded = to_image.compute(rows, start, stop)
                band = slice(start, stop)
                restored[:, :, band] = compose(image[:, :, band], decoded, residual=self.config.residual_output)
            rows.release(stop)
            runner.store.trim()
            runner.after_strip()
        return restored

    def _strip_count(self, image_height: int, strip_height: int) -> int:
        """How many strips are computed of an image: those of maps that are kept, and of the result."""
        count, height, before, strips = 0, image_height, 1, 1
        blocks = [layer for block in (*self._plain_blocks.content, *self._plain_blocks.generator) for layer in block]
        for layer in (*self._content_layers, *blocks, *self._doublings):
            before, strips = strips, len(layer.convolution.cuts(height, strip_height))
            height = layer.convolution.height_out(height)
            if height != image_height:
                count += strips
        # The result has the strips of the last map, which is one piece if the map before is.
        return count + (strips if before > 1 else 1)


class _Count:
    """Counts strips, and tells the share of all of them that are done."""

    def __init__(self, total: int, tell: Callable[[float], None]) -> None:
        self._total = total
        self._tell = tell
        self._done = 0

    def one_more(self) -> None:
        self._done += 1
        self._tell(self._done / self._total)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The residual blocks of both networks, each as its layers."""

    content: Sequence[Sequence[StripLayer]]
    generator: Sequence[Sequence[StripLayer]]

    @classmethod
    def of(cls, model: DeblurModel, in_strips: Callable[[Layer], StripLayer]) -> _Blocks:
        content, generator = (
            [[in_strips(layer) for layer in cast("ResidualBlock", block).layers()] for block in network.blocks]
            for network in (model.content_encoder, model.generator)
        )
        return cls(content, generator)


def _in_format(dtype: torch.dtype, *, use_winograd: bool = False) -> Callable[[Layer], StripLayer]:
    return lambda layer: StripLayer.of(layer, dtype, use_winograd=use_winograd)


def _mean_over_positions(features: Rows, device: torch.device) -> Tensor:
    """Mean (1, C) of a map (1, C, H, W), which is released on the way, in the widest format that the device has."""
    widest = widest_dtype(device)
    total, count = torch.zeros((), dtype=widest, device=device), 0
    for start, stop in features.cuts:
        strip = features.window(start, stop)
        total = total + strip.to(widest).sum(dim=(2, 3))
        count += strip.shape[2] * strip.shape[3]
        features.release(stop)
    return total / count


def _refuse_unknown_modules(model: DeblurModel) -> None:
    """Raise TypeError if a model holds a module that no network lists among its layers."""
    listed: set[nn.Module | None] = {model.blur_encoder.statistics}
    for module in model.modules():
        if isinstance(module, ContentEncoder | BlurEncoder | Generator | ResidualBlock):
            for layer in module.layers():
                listed |= {layer.convolution, layer.norm}
    for module in model.modules():
        # Exact types: a subclass can have another ``forward``.
        if type(module) not in _CONTAINERS and module not in listed:
            raise no_counterpart(module)


def _refuse_other_sizes(content_layers: Iterable[StripLayer], doublings: Iterable[StripLayer]) -> None:
    """Raise TypeError unless content features have a quarter of the image's height, and the result has all of it."""
    image_height = 16 * CONTENT_STRIDE
    content_height = _height_behind(content_layers, image_height)
    result_height = _height_behind(doublings, content_height)
    if content_height != image_height // CONTENT_STRIDE or result_height != image_height:
        raise TypeError(
            f"of {image_height} rows the content encoder makes {content_height}, and the generator {result_height} of "
            f"these; strips need {image_height // CONTENT_STRIDE} and {image_height}"
        )


def _height_behind(layers: Iterable[StripLayer], height: int) -> int:
    for layer in layers:
        height = layer.convolution.height_out(height)
    return height
