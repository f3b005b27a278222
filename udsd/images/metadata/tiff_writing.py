"""TIFF: tags that describe an image, put into the directories of a finished file."""

from __future__ import annotations

import logging
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from udsd.images.metadata import exif, photoshop
from udsd.images.metadata.directories import (
    BYTE,
    DIRECTORIES,
    EXIF_DIRECTORY,
    LONG,
    ORIENTATION,
    UNDEFINED,
    Directory,
    Tag,
    reordered,
)
from udsd.images.metadata.tiff_tags import IPTC_TAG, PHOTOSHOP_TAG, RESOLUTION, XMP_TAG, describes

logger = logging.getLogger(__name__)

_MOST_TOGETHER = 2**26
"""Of those of all pages, which are kept until the file is finished."""
_MOST_OFFSET = 2**32 - 2**20


def add_to_tiff(path: Path, infos: Sequence[Mapping[Any, Any]], name: str) -> None:
    """Put tags into the directories of a finished TIFF, each of which is written once more behind all else.

    Args:
        path: The file.
        infos: What is carried over, for each page.
        name: What logged warnings call the file.

    Raises:
        OSError: The file cannot be changed.
    """
    if not any(info.get(key) for info in infos for key in ("exif", "xmp", "photoshop")):
        return
    with path.open("r+b") as file:
        writer = _Writer(file)
        for info in infos:
            if not writer.add(info):
                logger.warning("%s: there is no room for all tags of its pages; the rest is left out", name)
                break


class TagsOfPages:
    """What is carried over of pages that are written one after another, as much as may be kept until the last."""

    def __init__(self) -> None:
        self.infos: list[dict[str, Any]] = []
        self._left = _MOST_TOGETHER

    def add(self, info: Mapping[Any, Any]) -> None:
        """Take what is carried over of the next page."""
        kept = {key: info[key] for key in ("exif", "xmp", "photoshop", "dpi") if info.get(key)}
        size = sum(len(value) for value in kept.values())
        self._left -= size
        self.infos.append(kept if self._left >= 0 else {})
        if 0 > self._left >= -size:
            logger.warning("the tags of %d pages are longer than %d bytes; those of further ones are left out",
                           len(self.infos) - 1, _MOST_TOGETHER)  # fmt: skip


class _Writer:
    """Writes directories behind the end of a TIFF, from the first on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.seek(0)
        header = file.read(16)
        self.order = "<" if header[:2] == b"II" else ">"
        self.is_big = header[2:4] in (b"+\0", b"\0+")
        self._offset = "Q" if self.is_big else "I"
        self._count = "Q" if self.is_big else "H"
        self._pointer = 8 if self.is_big else 4
        self._inline = 8 if self.is_big else 4

    def add(self, info: Mapping[Any, Any]) -> bool:
        """Write the next directory with what is carried over; False where the file is too long for it."""
        place = self._number(self._pointer, self._offset)
        entries, following = self._entries(place)
        tags, below = _tags_of(info, self.order, has_dpi=exif.X_RESOLUTION in entries)
        if tags or below:
            if not self.is_big and self._end() + sum(len(t.content) for t in tags.values()) > _MOST_OFFSET:
                return False
            entries |= {number: self._entry(number, tag) for number, tag in tags.items()}
            interoperability = below.pop(DIRECTORIES[-1], None) if EXIF_DIRECTORY in below else None
            for number, inside in below.items():
                made = {tag: self._entry(tag, value) for tag, value in inside.items()}
                if interoperability and number == EXIF_DIRECTORY:
                    made |= self._below(DIRECTORIES[-1], {n: self._entry(n, t) for n, t in interoperability.items()})
                entries |= self._below(number, made)
            place = self._directory(entries, following)
            self._put(self._pointer, struct.pack(self.order + self._offset, place))
        self._pointer = place + struct.calcsize("=" + self._count) + len(entries) * (12 + 8 * self.is_big)
        return True

    def _below(self, number: int, entries: dict[int, bytes]) -> dict[int, bytes]:
        """An entry that leads to a directory, which is written."""
        place = self._directory(entries, 0)
        kind = 16 if self.is_big else LONG
        return {number: struct.pack(f"{self.order}HH{self._offset}{self._offset}", number, kind, 1, place)}

    def _entries(self, place: int) -> tuple[dict[int, bytes], int]:
        count = self._number(place, self._count)
        length = 12 + 8 * self.is_big
        self._file.seek(place + struct.calcsize("=" + self._count))
        content = [self._file.read(length) for _ in range(count)]
        behind = self._file.read(struct.calcsize("=" + self._offset))
        (following,) = struct.unpack(self.order + self._offset, behind)
        return {struct.unpack_from(f"{self.order}H", entry)[0]: entry for entry in content}, following

    def _entry(self, number: int, tag: Tag) -> bytes:
        value = tag.content
        if len(value) > self._inline:
            value = struct.pack(self.order + self._offset, self._append(value))
        head = struct.pack(f"{self.order}HH{self._offset}", number, tag.kind, tag.count)
        return head + value.ljust(self._inline, b"\0")

    def _directory(self, entries: dict[int, bytes], following: int) -> int:
        head = struct.pack(self.order + self._count, len(entries))
        behind = struct.pack(self.order + self._offset, following)
        return self._append(head + b"".join(entry for _, entry in sorted(entries.items())) + behind)

    def _append(self, content: bytes) -> int:
        """Write at the end, at an even place, and say where."""
        end = self._end()
        padding = end % 2
        self._put(end, bytes(padding) + content)
        return end + padding

    def _end(self) -> int:
        return self._file.seek(0, 2)

    def _put(self, place: int, content: bytes) -> None:
        self._file.seek(place)
        self._file.write(content)

    def _number(self, place: int, code: str) -> int:
        self._file.seek(place)
        number: int = struct.unpack(self.order + code, self._file.read(struct.calcsize("=" + code)))[0]
        return number


def _tags_of(info: Mapping[Any, Any], order: str, *, has_dpi: bool) -> tuple[Directory, dict[int, Directory]]:
    """The tags of what is carried over, in a byte order, and the directories below."""
    given = exif.read_directories(info.get("exif") or b"")
    # The orientation is there only if the pixels were not set upright.
    main = {
        number: reordered(tag, given.order, order)
        for number, tag in given.main.items()
        if number == ORIENTATION or describes(number, tag)
    }
    if has_dpi and not _is_near(exif.resolution(info.get("exif") or b""), info.get("dpi")):
        main = {number: tag for number, tag in main.items() if number not in RESOLUTION}
    below = {
        place: {number: reordered(tag, given.order, order) for number, tag in tags.items()}
        for place, tags in given.below.items()
        if tags
    }
    resources = info.get("photoshop")
    if resources:
        main[PHOTOSHOP_TAG] = Tag(BYTE, len(resources), resources)
        iptc = photoshop.iptc_of(resources)
        if iptc:
            main[IPTC_TAG] = Tag(UNDEFINED, len(iptc), iptc)
    if info.get("xmp"):
        main[XMP_TAG] = Tag(BYTE, len(info["xmp"]), info["xmp"])
    return main, below


def _is_near(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    return bool(one and other) and all(abs(a - b) < 0.01 * b for a, b in zip(one or (), other or (), strict=True))
