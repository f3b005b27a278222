"""What holds on from frame to frame of a clip, so that nothing flickers: numbers, until many frames want others."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor

_WINDOW = 15
"""Frames whose median counts."""

_TOLERANCE = 1.15
"""Factor up to which another median changes nothing."""

_CUT_SIDE = 8
"""Pixels, side of the copies of two frames that are compared."""

_CUT = 0.25
"""Mean difference of these, in the range [-1, 1], from which on there is a cut between them."""


class Held:
    """A positive number that holds on until the median of the last frames is another.

    Args:
        first: What it begins with: their median counts as long as fewer frames have been seen.
    """

    def __init__(self, first: Iterable[float] = ()) -> None:
        self._seen = deque(first, _WINDOW)
        self._value = _median(self._seen) if self._seen else None

    @property
    def value(self) -> float:
        """The number; 1 as long as nothing has been seen."""
        return 1.0 if self._value is None else self._value

    def add(self, value: float) -> None:
        """What the next frame asks for."""
        self._seen.append(value)
        median = _median(self._seen)
        if self._value is None or abs(math.log(median / self._value)) > math.log(_TOLERANCE):
            self._value = median

    def forget(self) -> None:
        """Begin anew, behind a cut."""
        self._seen.clear()
        self._value = None


class Cuts:
    """Tells where another scene begins."""

    def __init__(self) -> None:
        self._last: Tensor | None = None

    def is_cut(self, image: Tensor) -> bool:
        """Whether a frame (1, 3, H, W) in [-1, 1] shows another scene than the one asked about before it."""
        small = F.adaptive_avg_pool2d(image.mean(dim=1, keepdim=True), _CUT_SIDE)
        last, self._last = self._last, small
        return last is not None and float((small - last).abs().mean()) > _CUT


def _median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
