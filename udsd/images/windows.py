"""Windows that cover an image, each leading softly into the next."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

_DEAD = 16
"""Pixels from its border over which a window counts for nothing, where another one lies there too."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows or columns of a window, the stop excluded, and how many of them others share at its ends."""

    start: int
    stop: int
    shared_before: int = 0
    shared_after: int = 0

    def weights(self, device: torch.device) -> Tensor:
        """How much the window counts at each of its places; with its neighbours' the sum is 1."""
        weights = torch.ones(self.stop - self.start, device=device)
        if self.shared_before:
            weights[: self.shared_before] *= _rise(self.shared_before, device)
        if self.shared_after:
            weights[-self.shared_after :] *= 1 - _rise(self.shared_after, device)
        return weights


def covering_windows(length: int, side: int, overlap: int) -> Iterator[Window]:
    """Windows of one size that cover a length, evenly spread.

    Args:
        length: Rows or columns of an image.
        side: How many of them a window has at most; more than the overlap. Of three times the overlap or more no more
            than two windows share a place.
        overlap: How many of them neighbours share, or one more.
    """
    count = 1 if side >= length else math.ceil((length - overlap) / (side - overlap))
    side = math.ceil((length + (count - 1) * overlap) / count)
    starts = [(length - side) * number // max(count - 1, 1) for number in range(count)]
    for number, start in enumerate(starts):
        before = 0 if number == 0 else starts[number - 1] + side - start
        after = 0 if number == count - 1 else start + side - starts[number + 1]
        yield Window(start, start + side, before, after)


def _rise(length: int, device: torch.device) -> Tensor:
    """From 0 to 1 over what two windows share, without the ends, where each knows little; mirrored it adds up to 1."""
    dead = min(_DEAD, length // 4)
    steps = length - 2 * dead
    places = (torch.arange(length, device=device) - dead + 0.5) / steps
    return places.clamp(0, 1)
