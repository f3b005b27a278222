"""Layers, run over all strips of a map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from torch import Tensor

from udsd.inference.strips.feature_map import FeatureMap
from udsd.inference.strips.layers import Change, StripLayer
from udsd.inference.strips.rows import Cuts, Rows, Whole
from udsd.inference.strips.statistics import Statistics
from udsd.inference.strips.store import Store


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs layers for one image.

    Attributes:
        store: Where feature maps lie.
        image_height: Rows of the image. Maps as high as that are the largest by far: they are not kept, but computed
            again whenever their rows are read.
        after_strip: Called when a strip has been computed and kept.
    """

    store: Store
    image_height: int
    after_strip: Callable[[], None] = lambda: None

    def run(self, layer: StripLayer, rows: Rows, strip_height: int, *, keep_rows: bool = False) -> Output:
        """Run a layer over all strips of its result.

        Args:
            layer: What to compute.
            rows: What to compute it from, released as soon as the result needs them no more.
            strip_height: Rows of a strip, at most, as the layer's convolution counts them.
            keep_rows: Do not release them, because they are needed again.
        """
        statistics = None if layer.norm is None else Statistics()
        cuts = layer.convolution.cuts(rows.height, strip_height)
        if layer.convolution.height_out(rows.height) == self.image_height:
            result = self._compute_when_read(layer, rows, cuts, statistics)
        else:
            result = self._keep(layer, rows, cuts, statistics, keep_rows)
        return Output(result, statistics, None if statistics is None else layer.normalisation(statistics))

    def copy(self, rows: Rows) -> FeatureMap:
        """Keep rows as a map of their own, in the same strips. They are released where they come from."""
        result = FeatureMap(self.store)
        for start, stop in rows.cuts:
            strip = rows.window(start, stop)
            rows.release(stop)
            result.append(strip)
        return result

    def add_block(self, features: FeatureMap, block: Sequence[StripLayer], strip_height: int) -> None:
        """Add the result of a residual block to its input, in place."""
        change: Rows = features
        for layer in block:
            change = self.run(layer, change, strip_height, keep_rows=change is features)
        for index, (start, stop) in enumerate(features.cuts):
            features.change(index, partial(Tensor.add_, other=change.window(start, stop)))
            change.release(stop)

    def _keep(
        self, layer: StripLayer, rows: Rows, cuts: Cuts, statistics: Statistics | None, keep_rows: bool
    ) -> FeatureMap:
        result = FeatureMap(self.store)
        grows = layer.convolution.height_out(rows.height) > rows.height
        for start, stop in cuts:
            strip = layer.compute(rows, start, stop)
            if statistics is not None:
                statistics.add(strip)
            if not keep_rows:
                rows.release(layer.convolution.first_row(stop))  # first, so that the new strip can take its place
            result.append(strip)
            self.after_strip()
            if grows:
                self.store.trim()
        if not keep_rows:
            rows.release(rows.height)
        return result

    def _compute_when_read(self, layer: StripLayer, rows: Rows, cuts: Cuts, statistics: Statistics | None) -> Rows:
        result: Rows = _Recomputed(layer, rows, cuts)
        if statistics is None:
            return result
        if len(rows.cuts) == 1:  # then there is nothing to be saved by computing it twice
            strip = layer.compute(rows, 0, self.image_height)
            rows.release(rows.height)
            result = Whole(strip, strip.dtype)
        for start, stop in result.cuts:
            statistics.add(result.window(start, stop))
        return result


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
    def cuts(self) -> Cuts:
        """The strips in which the layer was computed."""
        return self.raw.cuts

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
            for index in range(len(features.cuts)):
                features.change(index, self.normalise)
        return features


@dataclass(frozen=True, slots=True)
class _Recomputed(Rows):
    """The result of a layer, computed whenever its rows are read."""

    layer: StripLayer
    rows: Rows
    own_cuts: Cuts

    @property
    def cuts(self) -> Cuts:
        return self.own_cuts

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        return [self.layer.compute(self.rows, start, stop)]

    def release(self, before: int) -> None:
        is_all = before >= self.height
        self.rows.release(self.rows.height if is_all else self.layer.convolution.first_row(before))
