"""The directories of a TIFF file, read in bounded time and memory: where a page's pixels lie and what is said of them.

TIFF 6.0, and BigTIFF with offsets of 8 bytes. Only what a directory itself holds is read until a value is asked for.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from udsd.errors import ImageError
from udsd.images.limits import check_pages, check_pixels, page_limit

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
ORIENTATION, SAMPLES, PLANAR, PREDICTOR = 274, 277, 284, 317
STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_BYTES = 273, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT, FILL_ORDER = 338, 339, 266

_NEEDED = (
    *(WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES, PLANAR, PREDICTOR),
    *(STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES),
    *(EXTRA_SAMPLES, SAMPLE_FORMAT, FILL_ORDER),
)

TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}

_MOST_ENTRIES = 4096
"""Entries of one directory; sound ones have some 15."""
_ENTRIES = 50
"""Entries that the directories of a file may have on average, were there as many pages as are allowed."""
_MOST_NUMBERS = 2**21
"""Numbers of one tag: more strips or tiles than any image has that is opened."""
_MOST_BYTES = 2**29
"""Bytes of one tag: half of what the largest image takes in memory."""
_SHARED_BYTES = 2**26
"""Pages may share the data of tags, such as a profile; what all of them hold may exceed the file's length by this."""
_ENDLESS = (
    f"its TIFF tag {{}} has {{}} bytes; at most {_MOST_BYTES} are read, and {_MOST_NUMBERS} numbers; save it anew "
    "without that tag"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag's value: its TIFF type, the number of its elements, and where in the file they are."""

    kind: int
    count: int
    offset: int

    @property
    def size(self) -> int:
        """Bytes of the value; 0 where the type is unknown."""
        return TYPE_BYTES.get(self.kind, 0) * self.count


def is_tiff(header: bytes) -> bool:
    """Whether a file begins so; its magic number may be in the other byte order, as some write it."""
    return header[:2] in (b"II", b"MM") and header[2:4] in (b"*\0", b"\0*", b"+\0", b"\0+")


class TiffDirectories:
    """The pages of a TIFF file, each a mapping of tag numbers to entries.

    Args:
        file: The file, read whenever values are asked for.

    Attributes:
        order: Byte order, as `struct` names it.
        length: Bytes of the file.
        pages: The directories in the order of their chain, which ends where it comes to one again.
        is_endless: Whether tags beside the pixels were unreasonably long; they are left out of the pages.

    Raises:
        ImageError: There are more pages than allowed, or tags about the pixels that are unreasonably long.
        ValueError: The file is no TIFF, or is cut off.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.length = file.seek(0, os.SEEK_END)
        file.seek(0)
        header = file.read(16)
        self.order = {b"II": "<", b"MM": ">"}.get(header[:2], "")
        if not is_tiff(header) or len(header) < 16:
            raise ValueError("no TIFF, or cut off")
        self._is_big = 43 in header[2:4]
        first = struct.unpack_from(f"{self.order}{'Q' if self._is_big else 'I'}", header, 8 if self._is_big else 4)[0]
        self.is_endless = False
        self._asked = 0
        self.pages = list(self._walk(first))

    def numbers(self, page: dict[int, Entry], tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The whole numbers of a tag, or what stands for it where a page has none.

        Raises:
            ValueError: The tag holds something else, or is cut off.
        """
        entry = page.get(tag)
        if entry is None or entry.count == 0:
            return default
        if entry.kind not in _WHOLE_NUMBERS:
            raise ValueError(f"TIFF tag {tag} holds no whole numbers")
        return struct.unpack(f"{self.order}{entry.count}{_WHOLE_NUMBERS[entry.kind]}", self.content(entry))

    def number(self, page: dict[int, Entry], tag: int, default: int = 0) -> int:
        """The first whole number of a tag."""
        return self.numbers(page, tag, (default,))[0]

    def content(self, entry: Entry) -> bytes:
        """The bytes of a value, in the file's byte order.

        Raises:
            ValueError: They are cut off.
        """
        return self.read(entry.offset, entry.size)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the file.

        Raises:
            ValueError: They are cut off.
        """
        if offset + size > self.length:
            raise ValueError("the TIFF file is cut off")
        self._file.seek(offset)
        return self._file.read(size)

    def _walk(self, offset: int) -> Iterator[dict[int, Entry]]:
        seen: set[int] = set()
        entries, shared = 0, 0
        while offset and offset not in seen:
            seen.add(offset)
            check_pages(len(seen))
            page, offset = self._directory_and_next(offset)
            entries += len(page)
            shared += sum(entry.size for entry in page.values())
            if entries > _ENTRIES * page_limit() or shared > self.length + _SHARED_BYTES:
                raise ImageError(f"the tags of its first {len(seen)} pages say more than a TIFF file of its length can")
            self._check_tile(page)
            yield page

    def directory(self, offset: int) -> dict[int, Entry]:
        """A directory that is no page, such as that of EXIF.

        Raises:
            ImageError: It has unreasonably many tags, or unreasonably long ones; or all that were asked for have.
            ValueError: It is cut off.
        """
        directory = self._directory_and_next(offset)[0]
        self._asked += sum(entry.size for entry in directory.values())
        if self._asked > self.length + _SHARED_BYTES:
            raise ImageError("the directories of its pages say more than a TIFF file of its length can")
        return directory

    def _directory_and_next(self, offset: int) -> tuple[dict[int, Entry], int]:
        """The directory at an offset, and the offset of the next, 0 for none."""
        count_code, value_code, header_bytes = ("Q", "Q", 8) if self._is_big else ("H", "I", 2)
        value_bytes = struct.calcsize(value_code)
        count = struct.unpack(f"{self.order}{count_code}", self.read(offset, header_bytes))[0]
        if count > _MOST_ENTRIES:
            raise ImageError(f"a TIFF page has {count} tags; at most {_MOST_ENTRIES} are read")
        start, entry_bytes = offset + header_bytes, 4 + 2 * value_bytes
        content = self.read(start, count * entry_bytes)
        page = {}
        layout = struct.Struct(f"{self.order}HH{value_code}{value_code}")
        for index, (tag, kind, number, value) in enumerate(layout.iter_unpack(content)):
            inline = start + index * entry_bytes + 4 + value_bytes
            fits = TYPE_BYTES.get(kind, 0) * number <= value_bytes
            entry = Entry(kind, number, inline if fits else value)
            if _is_endless(entry):
                if tag in _NEEDED:
                    raise ImageError(_ENDLESS.format(tag, entry.size))
                self.is_endless = True
                continue
            page[tag] = entry
        behind = self.read(start + len(content), value_bytes)
        return page, struct.unpack(f"{self.order}{value_code}", behind)[0]

    def _check_tile(self, page: dict[int, Entry]) -> None:
        """Decoders make room for a whole tile, of however small an image."""
        check_pixels(self.number(page, TILE_WIDTH) * self.number(page, TILE_HEIGHT))


def _is_endless(entry: Entry) -> bool:
    is_bytes = TYPE_BYTES.get(entry.kind, 0) == 1
    return entry.size > _MOST_BYTES or (entry.count > _MOST_NUMBERS and not is_bytes)
