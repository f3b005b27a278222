"""Large stretches of memory, in which strips lie side by side."""

from __future__ import annotations

import math
import mmap
import sys
from bisect import bisect_left
from dataclasses import dataclass

import torch
from torch import Tensor

_PAGES_GO_BACK = sys.platform == "linux"
"""Whether the system takes single pages back with ``MADV_DONTNEED``. Only Linux promises that."""

_SLAB, _SLAB_OF_PAGES = 2**25, 2**27
"""Bytes of the smallest slab. Slabs are large, so that what is left over at their ends is little. Where memory is taken
page by page, as it is first written to, what is left over costs nothing, so they are larger still."""


class FreeSpace:
    """Which parts of a stretch of bytes are free.

    Args:
        size: Bytes of the stretch.

    Attributes:
        parts: First byte of each free part, and the one behind its last, in order; no two of them touch.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.parts = [(0, size)]

    def take(self, size: int) -> int | None:
        """Take ``size`` bytes of the first part that has them. Returns the first byte, or None if no part has."""
        for index, (start, stop) in enumerate(self.parts):
            if stop - start >= size:
                self.parts[index : index + 1] = [(start + size, stop)] if stop - start > size else []
                return start
        return None

    def give_back(self, start: int, stop: int) -> None:
        """Make bytes free that were taken."""
        index = bisect_left(self.parts, (start, stop))
        if index < len(self.parts) and self.parts[index][0] == stop:
            stop = self.parts.pop(index)[1]
        if index > 0 and self.parts[index - 1][1] == start:
            index -= 1
            start = self.parts.pop(index)[0]
        self.parts.insert(index, (start, stop))

    def is_whole(self) -> bool:
        """Whether all bytes are free."""
        return self.parts == [(0, self._size)]


@dataclass(frozen=True, slots=True)
class Slab:
    """A stretch of memory for strips.

    On Linux, CPU memory is mapped from the system, since the C library would not give parts of an allocation back.

    Attributes:
        values: The bytes, uint8.
        space: Which of them are free.
        pages: The mapping that holds them, if they are mapped.
    """

    values: Tensor
    space: FreeSpace
    pages: mmap.mmap | None

    @classmethod
    def of(cls, size: int, device: torch.device) -> Slab:
        """Take ``size`` bytes on a device."""
        if not _is_mapped(device):
            return cls(torch.empty(size, dtype=torch.uint8, device=device), FreeSpace(size), None)
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        return cls(torch.frombuffer(pages, dtype=torch.uint8), FreeSpace(size), pages)

    def give_free_pages_back(self) -> None:
        """Give the system those pages on which no strip lies; they are there again when they are written to."""
        if self.pages is None:
            return
        for start, stop in self.space.parts:
            first, last = math.ceil(start / mmap.PAGESIZE), stop // mmap.PAGESIZE
            if first < last:
                self.pages.madvise(mmap.MADV_DONTNEED, first * mmap.PAGESIZE, (last - first) * mmap.PAGESIZE)


def smallest_slab(device: torch.device) -> int:
    """Bytes that a slab on a device should have at least."""
    return _SLAB_OF_PAGES if _is_mapped(device) else _SLAB


def _is_mapped(device: torch.device) -> bool:
    return device.type == "cpu" and _PAGES_GO_BACK
