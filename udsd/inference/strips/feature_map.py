"""A feature map that is kept in strips."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise

from torch import Tensor

from udsd.inference.strips.layers import Change
from udsd.inference.strips.rows import Cuts, Rows
from udsd.inference.strips.store import Store, StoredStrip


class FeatureMap(Rows):
    """A map that is computed strip by strip, from the top, and can be forgotten so.

    Args:
        store: Where the strips lie.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stored: dict[int, StoredStrip] = {}
        self._edges = [0]
        self._released = 0

    @property
    def height(self) -> int:
        """Number of rows so far."""
        return self._edges[-1]

    @property
    def cuts(self) -> Cuts:
        """First row of each strip, and the one behind its last."""
        return list(pairwise(self._edges))

    def append(self, strip: Tensor) -> None:
        """Add a strip (1, C, h, W) at the bottom; its values are copied."""
        self._stored[len(self._edges) - 1] = self._store.put(strip)
        self._edges.append(self.height + strip.shape[2])

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        """Rows ``start`` to ``stop``, one piece of each strip that they lie in.

        Raises:
            KeyError: One of the strips has been released.
        """
        first = bisect_right(self._edges, start) - 1
        last = bisect_left(self._edges, stop)
        return [
            self._stored[index].tensor()[:, :, max(start - self._edges[index], 0) : stop - self._edges[index]]
            for index in range(first, last)
        ]

    def release(self, before: int) -> None:
        """Forget the strips that lie wholly above a row."""
        while self._released < len(self._edges) - 1 and self._edges[self._released + 1] <= before:
            self._stored.pop(self._released).forget()
            self._released += 1

    def change(self, index: int, change: Change) -> None:
        """Replace a strip by what a function makes of it, in place or not."""
        stored = self._stored[index]
        stored.write(change(stored.tensor()))
