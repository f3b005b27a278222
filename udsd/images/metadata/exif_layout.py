"""A block of EXIF by its bytes: where its entries lie, whatever they hold."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from udsd.images.metadata.directories import DIRECTORIES, KIND_BYTES, Directory, Tag, whole_number

_MOST_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an entry of a directory lies, and what it says."""

    at: int
    number: int
    kind: int
    count: int
    value_at: int

    @property
    def size(self) -> int:
        """Bytes of the value; 0 where the type is unknown."""
        return KIND_BYTES.get(self.kind, 0) * self.count


class Layout:
    """A block of EXIF by its bytes.

    Args:
        block: From the header of TIFF on.
    """

    def __init__(self, block: bytes | bytearray) -> None:
        self.block = block
        self.order = "<" if block[:2] == b"II" else ">"
        (self.first,) = struct.unpack_from(f"{self.order}I", block, 4)

    def entries(self, place: int) -> Iterator[Entry]:
        """The entries of a directory; of one that is cut off those that are there."""
        if not 8 <= place <= len(self.block) - 2:
            return
        (count,) = struct.unpack_from(f"{self.order}H", self.block, place)
        there = (len(self.block) - place - 2) // 12
        for index in range(min(count, there, _MOST_ENTRIES)):
            at = place + 2 + 12 * index
            number, kind, elements, value = struct.unpack_from(f"{self.order}HHII", self.block, at)
            entry = Entry(at, number, kind, elements, at + 8)
            yield entry if entry.size <= 4 else Entry(at, number, kind, elements, value)

    def is_sound(self, entry: Entry) -> bool:
        """Whether its value is of a kind that is known, and lies inside of the block."""
        return entry.size > 0 and entry.value_at >= 8 and entry.value_at + entry.size <= len(self.block)

    def value(self, entry: Entry) -> bytes:
        """The bytes of a sound entry."""
        return bytes(self.block[entry.value_at : entry.value_at + entry.size])

    def tags(self, place: int) -> tuple[Directory, dict[int, int]]:
        """The sound tags of a directory, and the places of others that it leads to.

        Values that lie on one another have no more bytes together than the block.
        """
        found: Directory = {}
        pointers: dict[int, int] = {}
        left = len(self.block)
        for entry in self.entries(place):
            if not self.is_sound(entry):
                continue
            if entry.number in DIRECTORIES:
                pointers.setdefault(entry.number, self.number(entry) or 0)
            elif entry.number not in found and entry.size <= left:
                left -= entry.size
                found[entry.number] = Tag(entry.kind, entry.count, self.value(entry))
        return found, pointers

    def next_place(self, place: int) -> int:
        """Where the directory behind another is, 0 for none."""
        if not 8 <= place <= len(self.block) - 2:
            return 0
        (count,) = struct.unpack_from(f"{self.order}H", self.block, place)
        at = place + 2 + 12 * count
        return struct.unpack_from(f"{self.order}I", self.block, at)[0] if at + 4 <= len(self.block) else 0

    def number(self, entry: Entry) -> int | None:
        """The first number of a sound entry, None where it holds none."""
        content = bytes(self.block[entry.value_at : entry.value_at + KIND_BYTES[entry.kind]])
        return whole_number(Tag(entry.kind, 1, content), self.order)
