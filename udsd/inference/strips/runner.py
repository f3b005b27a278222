"""Layers, run over all strips of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from torch import Tensor

from udsd.inference.strips.feature_map import FeatureMap
from udsd.inference.strips.layers import Change, StripLayer
from udsd.inference.strips.rows import Rows, Strips, Whole
from udsd.inference.strips.statistics import Statistics
from udsd.inference.strips.store import Store


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs layers for one image.

    Attributes:
        store: Where feature maps lie.
        image_height: Rows of the image. Maps as high as that are the largest by far: they are not kept, but computed
            again whenever their rows are read.
    """

    store: Store
    image_height: int

    def run(self, layer: StripLayer, source: Rows, strip_height: int, *, keep_source: bool = False) -> Output:
        """Run a layer over all strips of its result.

        Args:
            layer: What to compute.
            source: What to compute it from. Its rows are released as soon as the result needs them no more.
            strip_height: Rows of a strip, at most, as the layer's convolution counts them.
            keep_source: Do not release the source's rows, because they are needed again.
        """
        statistics = None if layer.norm is None else Statistics()
        strips = layer.convolution.strips(source.height, strip_height)
        if layer.convolution.rows_out(source.height) == self.image_height:
            rows = self._compute_when_read(layer, source, strips, statistics)
        else:
            rows = self._keep(layer, source, strips, statistics, keep_source)
        return Output(rows, statistics, None if statistics is None else layer.normalisation(statistics))

    def copy(self, source: Rows) -> FeatureMap:
        """Keep the rows of a source as a map of its own, in the same strips. The source's rows are released."""
        result = FeatureMap(self.store)
        for start, stop in source.strips:
            strip = source.window(start, stop)
            source.release(stop)
            result.append(strip)
        return result

    def add_block(self, features: FeatureMap, block: Sequence[StripLayer], strip_height: int) -> None:
        """Add the result of a residual block to its input, in place."""
        change: Rows = features
        for layer in block:
            change = self.run(layer, change, strip_height, keep_source=change is features)
        for index, (start, stop) in enumerate(features.strips):
            features.change(index, partial(Tensor.add_, other=change.window(start, stop)))
            change.release(stop)

    def _keep(
        self, layer: StripLayer, source: Rows, strips: Strips, statistics: Statistics | None, keep_source: bool
    ) -> FeatureMap:
        result = FeatureMap(self.store)
        grows = layer.convolution.rows_out(source.height) > source.height
        for start, stop in strips:
            strip = layer.compute(source, start, stop)
            if statistics is not None:
                statistics.add(strip)
            if not keep_source:
                source.release(layer.convolution.first_row(stop))  # first, so that the new strip can take its place
            result.append(strip)
            if grows:
                self.store.trim()
        if not keep_source:
            source.release(source.height)
        return result

    def _compute_when_read(
        self, layer: StripLayer, source: Rows, strips: Strips, statistics: Statistics | None
    ) -> Rows:
        rows: Rows = _Recomputed(layer, source, strips)
        if statistics is None:
            return rows
        if len(source.strips) == 1:  # then there is nothing to be saved by computing it twice
            strip = layer.compute(source, 0, self.image_height)
            source.release(source.height)
            rows = Whole(strip, strip.dtype)
        for start, stop in rows.strips:
            statistics.add(rows.window(start, stop))
        return rows


@dataclass(frozen=True, slots=True)
class Output(Rows):
    """The result of a layer. Its strips are normalised whenever they are read, not where they lie.

    Attributes:
        raw: The result before normalisation.
        statistics: Of ``raw``; None if the layer does not normalise.
        normalise: Normalisation and activation; None if the layer does not normalise.
    """

    raw: Rows
    statistics: Statistics | None
    normalise: Change | None

    @property
    def strips(self) -> Strips:
        """The strips in which the layer was computed."""
        return self.raw.strips

    @property
    def is_flat(self) -> bool:
        """`Statistics.is_flat`, if the layer normalises."""
        return self.statistics is not None and self.statistics.is_flat()

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        """Rows ``start`` to ``stop``, normalised."""
        pieces = self.raw.pieces(start, stop)
        return pieces if self.normalise is None else [self.normalise(piece) for piece in pieces]

    def release(self, before: int) -> None:
        """Say that the rows above ``before`` will not be read again."""
        self.raw.release(before)

    def settled(self) -> FeatureMap:
        """The strips themselves, normalised in place; for the result of a layer that keeps it."""
        features = cast("FeatureMap", self.raw)
        if self.normalise is not None:
            for index in range(len(features.strips)):
                features.change(index, self.normalise)
        return features


@dataclass(frozen=True, slots=True)
class _Recomputed(Rows):
    """The result of a layer, computed whenever its rows are read."""

    layer: StripLayer
    source: Rows
    cuts: Strips

    @property
    def strips(self) -> Strips:
        return self.cuts

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        return [self.layer.compute(self.source, start, stop)]

    def release(self, before: int) -> None:
        is_all = before >= self.height
        self.source.release(self.source.height if is_all else self.layer.convolution.first_row(before))
