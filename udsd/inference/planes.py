"""Feature maps as strips of rows, in memory or on disk."""

from __future__ import annotations

import errno
import math
import mmap
import os
import sys
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from itertools import pairwise
from typing import Protocol, cast

import torch
from torch import Tensor

from udsd.errors import MemoryLimitError

_SLAB, _SLAB_OF_PAGES = 2**25, 2**27
"""Bytes of memory taken at once, at least: many strips, of which the last leaves little room at the end. Where memory
is taken page by page as it is used, more of it costs nothing."""

_PAGES_GO_BACK = sys.platform == "linux"
"""Whether the system takes single pages back. Others do not promise to, or not in this way."""

_ALIGNMENT = 64
"""Bytes: a line of a CPU's cache."""


class Rows(Protocol):
    """Anything that gives rows of a map (1, C, H, W)."""

    @property
    def height(self) -> int:
        """Number of rows."""
        ...

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        """Rows ``start`` to ``stop``, as one or more (1, C, h, W), channels last."""
        ...

    def release(self, before: int) -> None:
        """Rows above ``before`` will not be asked for again."""
        ...


class Store:
    """Where strips lie: in memory up to a number of bytes, and beyond it in a temporary file.

    Memory comes in slabs, and strips are copied into them. As the convolutions leave them, strips would lie scattered
    over the heap, among work space that came and went, and the gaps would take nearly as much again.

    The file has no name, so that it vanishes with the process, however that ends.

    Args:
        room: Bytes that may be kept in memory; None for no bound.

    Attributes:
        spilled: Bytes that were written to the file, all together.
    """

    def __init__(self, room: int | None = None) -> None:
        self.spilled = 0
        self._room = sys.maxsize if room is None else room
        self._slabs: list[_Slab] = []
        self._file: FileIO | None = None
        self._places_in_file = _Places(sys.maxsize)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def put(self, strip: Tensor) -> Stored:
        """Keep a copy of a strip (1, C, h, W).

        Raises:
            MemoryLimitError: The disk has no room for it.
        """
        stored = self._in_memory(strip) or self._on_disk(strip)
        stored.write(strip)
        return stored

    def trim(self) -> None:
        """Give memory back to the system where no strip lies in it."""
        before = self._size()
        self._slabs = [slab for slab in self._slabs if not slab.places.are_free()]
        self._room += before - self._size()
        for slab in self._slabs:
            slab.give_free_pages_back()

    def _in_memory(self, strip: Tensor) -> _InMemory | None:
        size = math.ceil(strip.nbytes / _ALIGNMENT) * _ALIGNMENT
        for slab in self._slabs:
            offset = slab.places.take(size)
            if offset is not None:
                return _InMemory(slab, offset, size, _Form.of(strip))
        # Strips do not lie across the borders of slabs, so there are few of them.
        least = _SLAB_OF_PAGES if _in_pages(strip.device) else _SLAB
        slab_size = min(max(least, size, self._size() // 16), self._room)
        if slab_size < size:
            return None
        self._room -= slab_size
        self._slabs.append(_Slab.of(slab_size, strip.device))
        return self._in_memory(strip)

    def _on_disk(self, strip: Tensor) -> _OnDisk:
        offset = cast("int", self._places_in_file.take(strip.nbytes))  # a file has no end
        with _naming_a_full_disk():
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="udsd-", buffering=0)  # noqa: SIM115
        return _OnDisk(self, self._file, offset, strip.nbytes, _Form.of(strip), strip.device)

    def _size(self) -> int:
        return sum(len(slab.values) for slab in self._slabs)


@dataclass(frozen=True, slots=True)
class _Slab:
    """A stretch of memory for strips. On CPUs it is the system's own, for the C library would not give parts back."""

    values: Tensor
    places: _Places
    pages: mmap.mmap | None

    @classmethod
    def of(cls, size: int, device: torch.device) -> _Slab:
        if not _in_pages(device):
            return cls(torch.empty(size, dtype=torch.uint8, device=device), _Places(size), None)
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        return cls(torch.frombuffer(pages, dtype=torch.uint8), _Places(size), pages)

    def give_free_pages_back(self) -> None:
        if self.pages is None:
            return
        for start, stop in self.places.free:
            first, last = math.ceil(start / mmap.PAGESIZE), stop // mmap.PAGESIZE
            if first < last:
                self.pages.madvise(mmap.MADV_DONTNEED, first * mmap.PAGESIZE, (last - first) * mmap.PAGESIZE)


class _Places:
    """Which parts of a stretch of bytes are free. The lowest that is large enough is taken first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.free = [(0, size)]

    def take(self, size: int) -> int | None:
        for index, (start, stop) in enumerate(self.free):
            if stop - start >= size:
                self.free[index : index + 1] = [(start + size, stop)] if stop - start > size else []
                return start
        return None

    def give_back(self, start: int, stop: int) -> None:
        index = bisect_left(self.free, (start, stop))
        if index < len(self.free) and self.free[index][0] == stop:
            stop = self.free.pop(index)[1]
        if index > 0 and self.free[index - 1][1] == start:
            index -= 1
            start = self.free.pop(index)[0]
        self.free.insert(index, (start, stop))

    def are_free(self) -> bool:
        return self.free == [(0, self._size)]


@dataclass(frozen=True, slots=True)
class _Form:
    """How the bytes of a strip are read.

    Not a tensor kept for its form: a small tensor that outlives the large ones around it lies in the gap that one of
    them left, the next large one no longer fits into it, and the heap grows with every strip.
    """

    dtype: torch.dtype
    channels: int
    height: int
    width: int

    @classmethod
    def of(cls, strip: Tensor) -> _Form:
        _, channels, height, width = strip.shape
        return cls(strip.dtype, channels, height, width)

    def as_map(self, values: Tensor) -> Tensor:
        """Bytes as a map (1, C, h, W), channels last."""
        return values.view(self.dtype).view(1, self.height, self.width, self.channels).permute(0, 3, 1, 2)


class Stored(Protocol):
    """One strip, wherever it lies."""

    def tensor(self) -> Tensor:
        """The strip; that of one in memory is not a copy."""
        ...

    def write(self, strip: Tensor) -> None:
        """Put other values in its place, of the same shape."""
        ...

    def forget(self) -> None:
        """Give its room back."""
        ...


@dataclass(slots=True)
class _InMemory:
    slab: _Slab
    offset: int
    size: int
    form: _Form

    def tensor(self) -> Tensor:
        form = self.form
        length = form.dtype.itemsize * form.channels * form.height * form.width
        return form.as_map(self.slab.values[self.offset : self.offset + length])

    def write(self, strip: Tensor) -> None:
        self.tensor().copy_(strip)

    def forget(self) -> None:
        self.slab.places.give_back(self.offset, self.offset + self.size)


@dataclass(slots=True)
class _OnDisk:
    store: Store
    file: FileIO
    offset: int
    size: int
    form: _Form
    device: torch.device

    def tensor(self) -> Tensor:
        values = torch.empty(self.size, dtype=torch.uint8)
        self.file.seek(self.offset)
        if self.file.readinto(values.numpy().data) < self.size:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self.form.as_map(values).to(self.device)

    def write(self, strip: Tensor) -> None:
        with _naming_a_full_disk():
            self.file.seek(self.offset)
            if self.file.write(_bytes_of(strip)) < self.size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.store.spilled += self.size

    def forget(self) -> None:
        self.store._places_in_file.give_back(self.offset, self.offset + self.size)


class Plane:
    """A feature map that was computed strip by strip, and can be forgotten so.

    Args:
        store: Where the strips lie.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._strips: dict[int, Stored] = {}
        self._edges = [0]
        self._released = 0

    @property
    def height(self) -> int:
        """Number of rows."""
        return self._edges[-1]

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """First row of each strip, and the one behind its last."""
        return list(pairwise(self._edges))

    def append(self, strip: Tensor) -> None:
        """Add rows (1, C, h, W), channels last, at the bottom."""
        self._strips[len(self._edges) - 1] = self._store.put(strip)
        self._edges.append(self.height + strip.shape[2])

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        """Rows ``start`` to ``stop``, one piece of each strip that they lie in."""
        first = bisect_right(self._edges, start) - 1
        last = bisect_left(self._edges, stop)
        return [
            self._strips[index].tensor()[:, :, max(start - self._edges[index], 0) : stop - self._edges[index]]
            for index in range(first, last)
        ]

    def strip(self, index: int) -> Tensor:
        """A whole strip."""
        return self._strips[index].tensor()

    def release(self, before: int) -> None:
        """Forget the strips that lie wholly above a row."""
        while self._released < len(self._edges) - 1 and self._edges[self._released + 1] <= before:
            self._strips.pop(self._released).forget()
            self._released += 1

    def change(self, index: int, change: Callable[[Tensor], Tensor]) -> None:
        """Replace a strip by what a function makes of it, of the same shape, in place or not."""
        stored = self._strips[index]
        stored.write(change(stored.tensor()))


@dataclass(frozen=True, slots=True)
class Whole:
    """A map that is there as one tensor (1, C, H, W) anyway: the image."""

    values: Tensor

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.values.shape[2]

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        """Rows ``start`` to ``stop``, in one piece."""
        return [self.values[:, :, start:stop]]

    def release(self, before: int) -> None:
        """The image stays."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """The rows of another map, changed one by one when they are asked for."""

    source: Rows
    change: Callable[[Tensor], Tensor]

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.source.height

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        """Rows ``start`` to ``stop``, changed."""
        return [self.change(piece) for piece in self.source.pieces(start, stop)]

    def release(self, before: int) -> None:
        """Rows above will not be asked for again."""
        self.source.release(before)


def reflected_window(source: Rows, start: int, stop: int, margin: int) -> Tensor:
    """Rows ``start`` to ``stop`` with ``margin`` columns more at both sides, as reflection padding gives them.

    What lies beyond the map is mirrored at its border. Returns (1, C, stop - start, W + 2 margin), channels last.
    """
    last = source.height - 1
    pieces = [piece for row in range(start, 0) for piece in source.pieces(-row, -row + 1)]
    pieces += source.pieces(max(start, 0), min(stop, last + 1))
    pieces += [piece for row in range(last + 1, stop) for piece in source.pieces(2 * last - row, 2 * last - row + 1)]
    return assembled(pieces, margin)


def assembled(pieces: Sequence[Tensor], margin: int = 0, planes: Tensor | None = None) -> Tensor:
    """One map of pieces that lie below each other, copied once.

    Args:
        pieces: (1, C, h, W) each.
        margin: Columns to mirror at both sides.
        planes: Values (1, Z, 1, 1) of further channels, the same at all positions.

    Returns:
        (1, C + Z, sum of h, W + 2 margin), channels last.
    """
    channels, width = pieces[0].shape[1], pieces[0].shape[3]
    if len(pieces) == 1 and margin == 0 and planes is None:
        return pieces[0]
    shape = (
        1,
        channels + (0 if planes is None else planes.shape[1]),
        sum(piece.shape[2] for piece in pieces),
        width + 2 * margin,
    )
    window = torch.empty(shape, dtype=pieces[0].dtype, device=pieces[0].device, memory_format=torch.channels_last)
    row = 0
    for piece in pieces:
        window[:, :channels, row : row + piece.shape[2], margin : margin + width] = piece
        row += piece.shape[2]
    for column in range(margin):
        window[..., column] = window[..., 2 * margin - column]
        window[..., margin + width + column] = window[..., margin + width - 2 - column]
    if planes is not None:
        window[:, channels:] = planes
    return window


def _in_pages(device: torch.device) -> bool:
    return device.type == "cpu" and _PAGES_GO_BACK


def _bytes_of(strip: Tensor) -> memoryview:
    # A row of channels is contiguous in a map that is channels last. NumPy knows no bfloat16, but bytes.
    return strip.cpu().permute(0, 2, 3, 1).contiguous().view(-1).view(torch.uint8).numpy().data


@contextmanager
def _naming_a_full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MemoryLimitError(
            f"the image does not fit into the memory limit, and {tempfile.gettempdir()} has no room for the rest "
            f"({error.strerror}); raise memory_limit, or point TMPDIR at a larger disk"
        ) from error
