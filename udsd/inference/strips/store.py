"""Where strips lie: in memory as long as there is room, then in a temporary file."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from udsd.inference.strips.slabs import Slab, smallest_slab
from udsd.inference.strips.spill_file import SpillFile

_ALIGNMENT = 64
"""Bytes of a CPU's cache line; strips begin at multiples of it."""

_GROWTH = 16
"""A new slab is at least a sixteenth of all slabs before it together, so that there are few for any image."""


class Store:
    """Holds strips, in memory up to a number of bytes and beyond it in a temporary file.

    Strips are copied into slabs, large stretches of memory, where the place of a forgotten strip is taken again. Left
    where the convolutions put them, they would lie among work space that came and went, and the gaps between them would
    take nearly as much again.

    Args:
        room: Bytes that may be kept in memory; None for no bound.
    """

    def __init__(self, room: int | None = None) -> None:
        self._room = sys.maxsize if room is None else room  # for further slabs
        self._slabs: list[Slab] = []
        self._file = SpillFile()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def spilled(self) -> int:
        """Bytes that were written to the file, all together."""
        return self._file.written

    def put(self, strip: Tensor) -> StoredStrip:
        """Keep a copy of a strip (1, C, h, W).

        Raises:
            MemoryLimitError: The disk has no room for it.
        """
        stored = self._in_memory(strip) or self._on_disk(strip)
        stored.write(strip)
        return stored

    def trim(self) -> None:
        """Give the system the memory on which no strip lies."""
        before = self._size()
        self._slabs = [slab for slab in self._slabs if not slab.space.is_whole()]
        self._room += before - self._size()
        for slab in self._slabs:
            slab.give_free_pages_back()

    def _in_memory(self, strip: Tensor) -> _InMemory | None:
        size = math.ceil(strip.nbytes / _ALIGNMENT) * _ALIGNMENT
        for slab in self._slabs:
            offset = slab.space.take(size)
            if offset is not None:
                return _InMemory(slab, offset, size, _Form.of(strip))
        slab_size = min(max(smallest_slab(strip.device), size, self._size() // _GROWTH), self._room)
        if slab_size < size:
            return None
        self._room -= slab_size
        self._slabs.append(Slab.of(slab_size, strip.device))
        return self._in_memory(strip)

    def _on_disk(self, strip: Tensor) -> _OnDisk:
        return _OnDisk(self._file, self._file.take(strip.nbytes), strip.nbytes, _Form.of(strip), strip.device)

    def _size(self) -> int:
        return sum(len(slab.values) for slab in self._slabs)


class StoredStrip(Protocol):
    """A strip in a store."""

    def tensor(self) -> Tensor:
        """The strip (1, C, h, W), channels last: a view if it lies in memory, else a copy."""
        ...

    def write(self, strip: Tensor) -> None:
        """Replace its values by others of the same shape.

        Raises:
            MemoryLimitError: It lies on a disk that is full.
        """
        ...

    def forget(self) -> None:
        """Make its place free. It is not to be used any more."""
        ...


@dataclass(frozen=True, slots=True)
class _Form:
    """What tells bytes from a strip.

    It holds numbers rather than an empty tensor of the right form. A small tensor that outlives the large ones around
    it takes up room in the gap that one of them left. The next large one does not fit there any more, so that the heap
    would grow with each strip.
    """

    dtype: torch.dtype
    channels: int
    height: int
    width: int

    @classmethod
    def of(cls, strip: Tensor) -> _Form:
        _, channels, height, width = strip.shape
        return cls(strip.dtype, channels, height, width)

    @property
    def size(self) -> int:
        return self.dtype.itemsize * self.channels * self.height * self.width

    def view(self, values: Tensor) -> Tensor:
        """Bytes as a strip (1, C, h, W), channels last."""
        return values.view(self.dtype).view(1, self.height, self.width, self.channels).permute(0, 3, 1, 2)


@dataclass(frozen=True, slots=True)
class _InMemory:
    slab: Slab
    offset: int
    size: int
    form: _Form

    def tensor(self) -> Tensor:
        return self.form.view(self.slab.values[self.offset : self.offset + self.form.size])

    def write(self, strip: Tensor) -> None:
        self.tensor().copy_(strip)

    def forget(self) -> None:
        self.slab.space.give_back(self.offset, self.offset + self.size)


@dataclass(frozen=True, slots=True)
class _OnDisk:
    file: SpillFile
    offset: int
    size: int
    form: _Form
    device: torch.device

    def tensor(self) -> Tensor:
        return self.form.view(self.file.read(self.offset, self.size)).to(self.device)

    def write(self, strip: Tensor) -> None:
        # NumPy has no bfloat16, but it has bytes.
        positions = strip.cpu().permute(0, 2, 3, 1).contiguous()
        self.file.write(self.offset, positions.view(-1).view(torch.uint8).numpy().data)

    def forget(self) -> None:
        self.file.give_back(self.offset, self.offset + self.size)
