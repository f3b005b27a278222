"""Directories of tags as EXIF and TIFF have them: bytes of a kind and a number, which nobody needs to understand.

A tag that is carried over goes as the bytes it came in, so that no odd value of one can keep the others from being
written. EXIF 2.32, TIFF 6.0.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

ORIENTATION = 274
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY = 34665, 34853, 40965
DIRECTORIES = (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY)
"""Tags whose value is the place of a directory; the last of them stands in the first."""

KIND_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of an element of each kind. Those of offsets and of 8 bytes, as BigTIFF has them, are left out."""
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
_ITEM_BYTES = {5: 4, 10: 4}
"""Bytes that are turned round for the other byte order, where they are not those of an element."""

WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
_ENTRY = 12
_FIRST = 8
"""Where the first directory is, behind the header."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag's value: its TIFF type, the number of its elements, and their bytes."""

    kind: int
    count: int
    content: bytes


Directory: TypeAlias = dict[int, Tag]


@dataclass(frozen=True, slots=True)
class Directories:
    """The directories of EXIF.

    Attributes:
        order: Byte order of all contents, as `struct` names it.
        main: The first directory, without the places of others.
        below: Those of `DIRECTORIES` that there are.
    """

    order: str
    main: Directory = field(default_factory=dict)
    below: dict[int, Directory] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.main) or any(self.below.values())

    def keep(self, wanted: Callable[[int, Tag], bool]) -> None:
        """Take the tags out of the first directory that are not wanted."""
        for number in [number for number, tag in self.main.items() if not wanted(number, tag)]:
            del self.main[number]

    def each(self) -> Iterator[Directory]:
        """All directories."""
        yield self.main
        yield from self.below.values()


def whole_number(tag: Tag | None, order: str) -> int | None:
    """The first number of a tag, None where it holds none."""
    if tag is None or tag.kind not in WHOLE_NUMBERS or tag.count < 1 or not tag.content:
        return None
    number: int = struct.unpack_from(order + WHOLE_NUMBERS[tag.kind], tag.content)[0]
    return number


def fraction(tag: Tag | None, order: str) -> float | None:
    """The first fraction of a tag, None where it holds none that is positive."""
    if tag is None or tag.kind != RATIONAL or tag.count < 1:
        return None
    above, below = struct.unpack_from(f"{order}II", tag.content)
    return above / below if above and below else None


def reordered(tag: Tag, given: str, wanted: str) -> Tag:
    """A tag in another byte order."""
    size = _ITEM_BYTES.get(tag.kind, KIND_BYTES[tag.kind])
    if given == wanted or size == 1:
        return tag
    content = tag.content
    turned = bytearray(len(content))
    for place in range(size):
        turned[place::size] = content[size - 1 - place :: size]
    return Tag(tag.kind, tag.count, bytes(turned))


def packed(directories: Directories) -> bytes:
    """The directories as a block that begins with the header of a TIFF, as EXIF has it."""
    order = directories.order
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", _FIRST)
    below = {number: tags for number, tags in directories.below.items() if tags}
    # From the last to the first, since each says where those that it leads to begin.
    exif_at = _FIRST + _length(directories.main, len(below.keys() - {INTEROPERABILITY}))
    interoperability = below.pop(INTEROPERABILITY, {}) if EXIF_DIRECTORY in below else {}
    below.pop(INTEROPERABILITY, None)
    parts, places, at = [], {}, exif_at
    for number, tags in below.items():
        places[number] = at
        inside = {}
        if number == EXIF_DIRECTORY and interoperability:
            inside = {INTEROPERABILITY: at + _length(tags, 1)}
        parts.append(_packed(tags, inside, order, at))
        at += len(parts[-1])
        if inside:
            parts.append(_packed(interoperability, {}, order, at))
            at += len(parts[-1])
    return b"".join([header, _packed(directories.main, places, order, _FIRST), *parts])


def packed_length(directories: Directories) -> int:
    """The bytes that `packed` gives."""
    below = [tags for tags in directories.below.values() if tags]
    return _FIRST + _length(directories.main, len(below)) + sum(_length(tags, 0) for tags in below)


def _length(tags: Mapping[int, Tag], pointers: int) -> int:
    values = sum(_even(len(tag.content)) for tag in tags.values() if _is_long(tag))
    return 2 + _ENTRY * (len(tags) + pointers) + 4 + values


def _is_long(tag: Tag) -> bool:
    return len(tag.content) > 4


def _even(length: int) -> int:
    return length + length % 2


def _packed(tags: Mapping[int, Tag], pointers: Mapping[int, int], order: str, start: int) -> bytes:
    entries = {number: Tag(LONG, 1, struct.pack(f"{order}I", at)) for number, at in pointers.items()}
    entries |= {number: tag for number, tag in tags.items() if number not in entries}
    directory = struct.pack(f"{order}H", len(entries))
    beyond = start + 2 + _ENTRY * len(entries) + 4
    values = bytearray()
    for number, tag in sorted(entries.items()):
        value = tag.content
        if _is_long(tag):
            value = struct.pack(f"{order}I", beyond + len(values))
            values += tag.content.ljust(_even(len(tag.content)), b"\0")
        directory += struct.pack(f"{order}HHI", number, tag.kind, tag.count) + value.ljust(4, b"\0")
    return directory + bytes(4) + bytes(values)
