"""TIFF: tags that describe an image, read from its directory. They become EXIF, and so reach other formats."""

from __future__ import annotations

import logging
import struct
from typing import Any

from PIL import Image, TiffImagePlugin

from udsd.images.metadata import exif, photoshop
from udsd.images.metadata.directories import (
    ASCII,
    DIRECTORIES,
    EXIF_DIRECTORY,
    GPS_DIRECTORY,
    LONG,
    ORIENTATION,
    RATIONAL,
    SHORT,
    UNDEFINED,
    Directories,
    Directory,
    Tag,
    packed,
    whole_number,
)
from udsd.images.metadata.tiff_tags import (
    IPTC_TAG,
    PHOTOSHOP_TAG,
    PROFILE_TAG,
    RESOLUTION,
    UNREAD,
    XMP_TAG,
    describes,
)
from udsd.images.tiff_directories import Entry, TiffDirectories, is_tiff

logger = logging.getLogger(__name__)

_MOST_BYTES = 2**25
"""Of all tags that are carried over for a page."""
_OF_BIG_TIFF = (13, 16, 17, 18)
"""Types that EXIF does not have; most of them are places."""


def found_in_tiff(tiff: TiffDirectories, page: dict[int, Entry], name: str) -> dict[str, Any]:
    """What a page's tags say, in the words of `udsd.images.metadata`; ``is_sound`` if all of them can be read."""
    reader = _Reader(tiff, name)
    directories = Directories(tiff.order, reader.tags(page))
    main = directories.main
    found: dict[str, Any] = {
        "xmp": _content(main.pop(XMP_TAG, None)),
        "icc_profile": _content(main.pop(PROFILE_TAG, None)),
        "photoshop": _content(main.pop(PHOTOSHOP_TAG, None)) or b"",
        "orientation": whole_number(main.get(ORIENTATION), tiff.order),
    }
    iptc = photoshop.iptc_of(photoshop.from_profile(_content(main.pop(IPTC_TAG, None)) or b""))
    if iptc:
        found["photoshop"] = photoshop.with_iptc(found["photoshop"], iptc)
    directories.keep(describes)
    waiting, seen = [page], set()
    while waiting:
        above = waiting.pop()
        for number in DIRECTORIES:
            place = reader.place(above.get(number))
            if place and place not in seen and number not in directories.below:
                seen.add(place)
                inside = reader.directory(place)
                directories.below[number] = reader.tags(inside)
                waiting.append(inside)
    found |= _packed(directories)
    compression = TiffImagePlugin.COMPRESSION_INFO.get(tiff.number(page, 259, 1))
    return found | {"compression": compression, "predictor": tiff.number(page, 317, 1), "is_sound": reader.is_sound}


def found_in_pillow(image: Image.Image, name: str) -> dict[str, Any]:
    """The same of an image that Pillow has opened. If its file is closed, as Pillow has understood its tags."""
    file = getattr(image, "fp", None)
    if file is not None and not file.closed:
        position = file.tell()
        try:
            file.seek(0)
            if is_tiff(file.read(4)):
                tiff = TiffDirectories(file)
                return found_in_tiff(tiff, tiff.pages[image.tell()], name)
        except (ValueError, IndexError, OSError) as error:
            logger.warning("%s: its TIFF tags cannot be read (%s)", name, error)
        finally:
            file.seek(position)
    values = image.getexif()
    directories = Directories("<", _from_values(values))
    found = {key: _content(directories.main.pop(number, None)) for key, number in _KEYS.items()}
    iptc = photoshop.iptc_of(photoshop.from_profile(found.pop("iptc") or b""))
    if iptc:
        found["photoshop"] = photoshop.with_iptc(found["photoshop"] or b"", iptc)
    directories.keep(describes)
    for number in (EXIF_DIRECTORY, GPS_DIRECTORY):
        try:
            directories.below[number] = _from_values(values.get_ifd(number))
        except Exception as error:  # Pillow raises many types on broken directories
            logger.warning("%s: a directory of its tags cannot be read (%s) and is left out", name, error)
    return found | _packed(directories) | {"compression": image.info.get("compression"), "dpi": image.info.get("dpi")}


_KEYS = {"xmp": XMP_TAG, "icc_profile": PROFILE_TAG, "photoshop": PHOTOSHOP_TAG, "iptc": IPTC_TAG}


def _content(tag: Tag | None) -> bytes | None:
    return tag.content if tag is not None and tag.content else None


def _packed(directories: Directories) -> dict[str, Any]:
    block = exif.HEADER + packed(directories) if directories else None
    dpi = exif.resolution(block) if block else None
    unit = whole_number(directories.main.get(exif.RESOLUTION_UNIT), directories.order)
    if dpi and unit == exif.INCH and directories.main.keys() <= RESOLUTION and not any(directories.below.values()):
        block = None  # it would say nothing else
    return {"exif": block, "dpi": dpi}


class _Reader:
    """The contents of tags, together not longer than is sound.

    Attributes:
        is_sound: Whether nothing had to be left out.
    """

    def __init__(self, tiff: TiffDirectories, name: str) -> None:
        self._tiff = tiff
        self._name = name
        self._left = _MOST_BYTES
        self.is_sound = True

    def directory(self, place: int) -> dict[int, Entry]:
        try:
            return self._tiff.directory(place)
        except (ValueError, struct.error) as error:
            self._leave_out("a directory of its tags", error)
            return {}

    def place(self, entry: Entry | None) -> int:
        """Of a directory, 0 for none."""
        try:
            return 0 if entry is None else self._tiff.number({0: entry}, 0)
        except (ValueError, struct.error) as error:
            self._leave_out("a directory of its tags", error)
            return 0

    def tags(self, page: dict[int, Entry]) -> Directory:
        found: Directory = {}
        for number, entry in page.items():
            if entry.kind in _OF_BIG_TIFF or number in UNREAD or number in DIRECTORIES:
                continue
            if not entry.size:
                self._leave_out(f"its TIFF tag {number}", "nothing that is known")
            elif entry.size > self._left:
                self._leave_out(f"its TIFF tag {number}", f"{entry.size} bytes")
            else:
                try:
                    found[number] = Tag(entry.kind, entry.count, self._tiff.content(entry))
                    self._left -= entry.size
                except ValueError as error:
                    self._leave_out(f"its TIFF tag {number}", error)
        return found

    def _leave_out(self, what: str, why: object) -> None:
        self.is_sound = False
        logger.warning("%s: %s cannot be read (%s) and is left out", self._name, what, why)


def _from_values(values: Any) -> Directory:
    """Tags from the values that Pillow has made of them; those of unusual kinds are left out."""
    found: Directory = {}
    for number, value in values.items():
        try:
            found[number] = _from_value(value)
        except (ValueError, TypeError, ZeroDivisionError, OverflowError, struct.error):
            continue
    return {number: tag for number, tag in found.items() if tag.content}


def _from_value(value: Any) -> Tag:
    if isinstance(value, str):
        content = value.encode() + b"\0"
        return Tag(ASCII, len(content), content)
    if isinstance(value, bytes):
        return Tag(UNDEFINED, len(value), value)
    several = value if isinstance(value, tuple) else (value,)
    if all(isinstance(one, int) for one in several):
        kind, code = (SHORT, "H") if max(several) < 2**16 else (LONG, "I")
        return Tag(kind, len(several), struct.pack(f"<{len(several)}{code}", *several))
    parts = [part for one in several for part in _fraction(one)]
    kind = RATIONAL if min(parts) >= 0 else 10
    return Tag(kind, len(several), struct.pack(f"<{len(parts)}{'I' if kind == RATIONAL else 'i'}", *parts))


def _fraction(value: Any) -> tuple[int, int]:
    if hasattr(value, "numerator") and isinstance(value.numerator, int):
        return value.numerator, value.denominator
    return round(float(value) * 10_000), 10_000
