"""TIFF: tags that describe an image go from one directory to another; those that say how it is stored do not."""

from __future__ import annotations

import logging
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from PIL import ExifTags, Image, TiffImagePlugin

from udsd.images.metadata import exif, photoshop
from udsd.images.metadata.directories import (
    ASCII,
    BYTE,
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
    reordered,
    whole_number,
)
from udsd.images.tiff_directories import Entry, TiffDirectories, is_tiff

logger = logging.getLogger(__name__)

XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG, PROFILE_TAG = 700, 33723, 34377, 34675

_STORAGE = {
    *range(254, 269),  # kind of image, size, bits, compression, photometric, thresholds, fill order
    *(273, 274, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293, 300, 301, 317, 320, 321),
    *range(322, 337),  # tiles, other directories, inks
    *range(338, 348),  # further samples, their format and range, clipping, JPEG tables
    *(351, 400, 401, 402, 403, 404, 405, 433, 434, 435, 440, *range(512, 522), *range(529, 533), 559),
    *(32781, 32995, 32996, 32997, 32998, 34232, 37724, 40001, 65000, *range(50706, 51200)),
}
"""How pixels are stored, places in the file, layers, raw images, our mark: nothing of it is true of another file."""
_UNREAD = _STORAGE - {ORIENTATION}
_BESIDE = {XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG, PROFILE_TAG}
"""Carried with a name of their own, to other formats too."""
_DESCRIPTIVE = {
    *(269, 270, 271, 272, 285, 286, 287, 297, 305, 306, 315, 316, 318, 319, 337),
    *(282, 283, 296),
    *(18246, 18249, 32932, 33432, *range(40091, 40096), 42016, 50341),
    *(33434, 33437, *range(34850, 34868), *range(36864, 37523), *range(41483, 42241)),  # EXIF outside of its directory
}
_RESOLUTION = {exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.RESOLUTION_UNIT}
_GEOGRAPHIC = {33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113}
"""Where on Earth the pixels lie; no longer true of an image that was turned."""
_SHAPE = b'{"shape"'
"""How tifffile's descriptions of the stored array begin."""
_MOST_BYTES = 2**25
"""Of all tags that are carried over for a page."""
_MOST_TOGETHER = 2**26
"""Of those of all pages, which are kept until the file is finished."""
_OF_BIG_TIFF = (13, 16, 17, 18)
"""Types that EXIF does not have; most of them are places."""
_MOST_OFFSET = 2**32 - 2**20


def _describes(number: int, tag: Tag) -> bool:
    """Whether a tag of a TIFF's directory describes an image. Private tags do if they are text."""
    if number in _STORAGE or number in _BESIDE or number in DIRECTORIES:
        return False
    if number == ExifTags.Base.ImageDescription and tag.content.startswith(_SHAPE):
        return False
    return number in _DESCRIPTIVE or number in _GEOGRAPHIC or tag.kind == ASCII


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
    directories.main = {number: tag for number, tag in main.items() if _describes(number, tag)}
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
    return found | {"compression": compression, "is_sound": reader.is_sound}


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
    directories.main = {number: tag for number, tag in directories.main.items() if _describes(number, tag)}
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
    if dpi and unit == exif.INCH and directories.main.keys() <= _RESOLUTION and not any(directories.below.values()):
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
            if entry.kind in _OF_BIG_TIFF or number in _UNREAD or number in DIRECTORIES:
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


def add_to_tiff(path: Any, infos: Sequence[Mapping[Any, Any]], name: str) -> None:
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
        if number == ORIENTATION or _describes(number, tag)
    }
    if has_dpi and not _is_near(exif.resolution(info.get("exif") or b""), info.get("dpi")):
        main = {number: tag for number, tag in main.items() if number not in _RESOLUTION}
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
