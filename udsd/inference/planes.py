"""Feature maps as strips of rows, in memory or on disk."""

from __future__ import annotations

import errno
import os
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, Protocol

import torch
from torch import Tensor

from udsd.errors import MemoryLimitError


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

    The file has no name, so that it vanishes with the process, however that ends. Room in it is used again.

    Args:
        room: Bytes that may be kept in memory; None for no bound.

    Attributes:
        spilled: Bytes that were written to the file, all together.
    """

    def __init__(self, room: int | None = None) -> None:
        self.spilled = 0
        self._room = room
        self._used = 0
        self._file: IO[bytes] | None = None
        self._free: dict[int, list[int]] = {}
        self._end = 0

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def put(self, strip: Tensor) -> Stored:
        """Keep a strip (1, C, h, W), channels last.

        Raises:
            MemoryLimitError: The disk has no room for it.
        """
        size = strip.numel() * strip.element_size()
        if self._room is None or self._used + size <= self._room:
            self._used += size
            return _InMemory(self, strip, size)
        return self._write(strip, size)

    def _write(self, strip: Tensor, size: int) -> Stored:
        places = self._free.get(size)
        offset = places.pop() if places else self._end
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="udsd-", buffering=0)  # noqa: SIM115
            self._file.seek(offset)
            if self._file.write(_bytes_of(strip)) < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise MemoryLimitError(
                f"the image does not fit into the memory limit, and {tempfile.gettempdir()} has no room for the rest "
                f"({error.strerror}); raise memory_limit, or point TMPDIR at a larger disk"
            ) from error
        self._end = max(self._end, offset + size)
        self.spilled += size
        return _OnDisk(self, self._file, offset, size, strip.shape, strip.dtype, strip.device)


class Stored(Protocol):
    """One strip, wherever it lies."""

    def tensor(self) -> Tensor:
        """The strip; that of one in memory is not a copy."""
        ...

    def forget(self) -> None:
        """Give its room back."""
        ...


@dataclass(slots=True)
class _InMemory:
    store: Store
    strip: Tensor
    size: int

    def tensor(self) -> Tensor:
        return self.strip

    def forget(self) -> None:
        self.store._used -= self.size


@dataclass(slots=True)
class _OnDisk:
    store: Store
    file: IO[bytes]
    offset: int
    size: int
    shape: torch.Size
    dtype: torch.dtype
    device: torch.device

    def tensor(self) -> Tensor:
        _, channels, height, width = self.shape
        self.file.seek(self.offset)
        values = torch.frombuffer(bytearray(self.file.read(self.size)), dtype=self.dtype)
        return values.view(1, height, width, channels).permute(0, 3, 1, 2).to(self.device)

    def forget(self) -> None:
        self.store._free.setdefault(self.size, []).append(self.offset)


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
        """Replace a strip by what a function makes of it, in place or not."""
        stored = self._strips[index]
        changed = change(stored.tensor())
        stored.forget()
        self._strips[index] = self._store.put(changed)


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


def _bytes_of(strip: Tensor) -> memoryview:
    # A row of channels is contiguous in a map that is channels last. NumPy knows no bfloat16, but bytes.
    return strip.cpu().permute(0, 2, 3, 1).contiguous().view(-1).view(torch.uint8).numpy().data
