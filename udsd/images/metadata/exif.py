"""EXIF: what of it is still true of a restored image, changed where it lies.

Makers' notes hold places counted from the beginning of the block, so that nothing may move. Tags are taken out of their
directories, and what they leave stays empty. Only what is too long for a format is built anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import ExifTags

from udsd.images.metadata.directories import (
    DIRECTORIES,
    KIND_BYTES,
    LONG,
    ORIENTATION,
    RATIONAL,
    SHORT,
    Directories,
    Directory,
    Tag,
    fraction,
    packed,
    packed_length,
    whole_number,
)

HEADER = b"Exif\0\0"
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
WIDTHS, HEIGHTS = (256, 40962), (257, 40963)
"""Tags of the first directory, and of the one that EXIF adds."""
_PREVIEWS = (330, 700, 33723, 34377, 34675, 37724)
"""Directories of other images; what is carried beside EXIF: XMP, IPTC, Photoshop's resources, profile; layers."""
_OF_PLACES = (37396, 41492, 33550, 33922, 34264, 34735, 34736, 34737)
"""The subject's area and place, in pixels; where on Earth pixels lie."""
_OF_COLOURS = (301, 318, 319, 40961, 42240)
"""Transfer function, white point, primaries, colour space, gamma."""
_IMAGE_PLACES = ((513, 514), (273, 279))
"""Where a thumbnail lies, and its bytes: of a JPEG, and of strips."""

_MOST_ENTRIES = 4096
_MOST_IMAGES = 8
INCH, _CENTIMETRE = 2, 3
_INCHES_PER_UNIT = {INCH: 1.0, _CENTIMETRE: 2.54}


def tiff_block(exif: bytes) -> bytes:
    """EXIF without the header of JPEG, which some programs write twice; empty where it is none."""
    while exif.startswith(HEADER):
        exif = exif[len(HEADER) :]
    return exif if exif[:4] in (b"II*\0", b"MM\0*") and len(exif) >= 10 else b""


def read_directories(exif: bytes) -> Directories:
    """All tags that can be read. What is broken is left out, each tag for itself."""
    block = tiff_block(exif)
    layout = _Layout(block) if block else None
    found = Directories("<" if layout is None else layout.order)
    if layout is None:
        return found
    found.main, pointers = layout.tags(layout.first)
    waiting, seen = list(pointers.items()), {layout.first}
    for number, place in waiting:
        if place in seen or number in found.below:
            continue
        seen.add(place)
        found.below[number], more = layout.tags(place)
        waiting += more.items()
    return found


def orientation(exif: bytes) -> int | None:
    """1 to 8, or None where EXIF does not say it. However broken the rest is, this tag is found."""
    block = tiff_block(exif)
    if not block:
        return None
    layout = _Layout(block)
    number = whole_number(layout.tags(layout.first)[0].get(ORIENTATION), layout.order)
    return number if number in range(1, 9) else None


def resolution(exif: bytes) -> tuple[float, float] | None:
    """Pixels an inch, across and down."""
    directories = read_directories(exif)
    order, main = directories.order, directories.main
    across, down = fraction(main.get(X_RESOLUTION), order), fraction(main.get(Y_RESOLUTION), order)
    unit = whole_number(main.get(RESOLUTION_UNIT), order)
    inches = _INCHES_PER_UNIT.get(INCH if unit is None else unit)
    return (across * inches, down * inches) if across and down and inches else None


def with_resolution(exif: bytes | None, dpi: tuple[float, float]) -> bytes:
    """EXIF that says the resolution, for formats that say it nowhere else. What says it already stays as it is."""
    block = bytearray(tiff_block(exif or b"") or b"II*\0\x08\0\0\0\0\0\0\0\0\0")
    layout = _Layout(block)
    order = layout.order
    main, pointers = layout.tags(layout.first)
    if X_RESOLUTION in main:
        return exif or b""
    directories = Directories(order, main)
    for number, value in ((X_RESOLUTION, dpi[0]), (Y_RESOLUTION, dpi[1])):
        main[number] = Tag(RATIONAL, 1, struct.pack(f"{order}II", round(value * 1000), 1000))
    main[RESOLUTION_UNIT] = Tag(SHORT, 1, struct.pack(f"{order}H", INCH))
    for number, place in pointers.items():
        main[number] = Tag(LONG, 1, struct.pack(f"{order}I", place))
    # A first directory of its own, behind all that must stay where it is.
    start = len(block) + len(block) % 2
    moved = _moved(packed(directories)[8:], start - 8, order, len(main))
    block[4:8] = struct.pack(f"{order}I", start)
    return HEADER + bytes(block).ljust(start, b"\0") + moved


def _moved(directory: bytes, by: int, order: str, count: int) -> bytes:
    """A directory with its values behind it, written for another place."""
    content = bytearray(directory)
    for at in range(2, 2 + 12 * count, 12):
        kind, number, value = struct.unpack_from(f"{order}HII", content, at + 2)
        if KIND_BYTES[kind] * number > 4:
            struct.pack_into(f"{order}I", content, at + 8, value + by)
    return bytes(content)


def still_true(
    exif: bytes, *, size: tuple[int, int], orientation: int, is_converted: bool
) -> tuple[bytes | None, list[str]]:
    """EXIF of an image that was restored and set upright.

    Orientation and thumbnail are gone (it would go on showing the blurred image), as is what cannot be read; width and
    height are those of the image.

    Args:
        exif: With the header of JPEG or without.
        size: Of the upright image.
        orientation: By which it was turned, 1 to 8.
        is_converted: Whether its colours are no longer those that it came in.

    Returns:
        With the header, or None where nothing is left; and the names of tags that cannot be read.
    """
    block = tiff_block(exif)
    if not block:
        return None, []
    layout = _Layout(bytearray(block))
    unwanted = {
        ORIENTATION,
        *_PREVIEWS,
        *(_OF_PLACES if orientation > 1 else ()),
        *(_OF_COLOURS if is_converted else ()),
    }
    broken = _tidy(layout, unwanted, size)
    if orientation >= 5:
        _swap_resolutions(layout)
    left = bytes(layout.block)
    return (HEADER + left if read_directories(left) else None), broken


def shortened(exif: bytes, most: int) -> tuple[bytes | None, list[str]]:
    """EXIF of at most so many bytes with its header: the longest tags are left out.

    Returns:
        What is left, None for nothing, and the names of what is not.
    """
    if len(exif) <= most:
        return exif, []
    directories = read_directories(exif)
    sizes = sorted((len(tag.content), number, id(tags)) for tags in directories.each() for number, tag in tags.items())
    owners = {id(tags): tags for tags in directories.each()}
    dropped = []
    while sizes and packed_length(directories) > most - len(HEADER):
        _, number, owner = sizes.pop()
        del owners[owner][number]
        dropped.append(_name(number))
    return (HEADER + packed(directories) if directories else None), dropped


def _name(number: int) -> str:
    return str(ExifTags.TAGS.get(number, number))


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where an entry of a directory lies, and what it says."""

    at: int
    number: int
    kind: int
    count: int
    value_at: int

    @property
    def size(self) -> int:
        return KIND_BYTES.get(self.kind, 0) * self.count


class _Layout:
    """A block of EXIF by its bytes.

    Args:
        block: From the header of TIFF on.
    """

    def __init__(self, block: bytes | bytearray) -> None:
        self.block = block
        self.order = "<" if block[:2] == b"II" else ">"
        (self.first,) = struct.unpack_from(f"{self.order}I", block, 4)

    def entries(self, place: int) -> Iterator[_Entry]:
        """The entries of a directory; of one that is cut off those that are there."""
        if not 8 <= place <= len(self.block) - 2:
            return
        (count,) = struct.unpack_from(f"{self.order}H", self.block, place)
        there = (len(self.block) - place - 2) // 12
        for index in range(min(count, there, _MOST_ENTRIES)):
            at = place + 2 + 12 * index
            number, kind, elements, value = struct.unpack_from(f"{self.order}HHII", self.block, at)
            entry = _Entry(at, number, kind, elements, at + 8)
            yield entry if entry.size <= 4 else _Entry(at, number, kind, elements, value)

    def is_sound(self, entry: _Entry) -> bool:
        """Whether its value is of a kind that is known, and lies inside of the block."""
        return entry.size > 0 and entry.value_at >= 8 and entry.value_at + entry.size <= len(self.block)

    def value(self, entry: _Entry) -> bytes:
        return bytes(self.block[entry.value_at : entry.value_at + entry.size])

    def tags(self, place: int) -> tuple[Directory, dict[int, int]]:
        """The sound tags of a directory, and the places of others that it leads to."""
        found: Directory = {}
        pointers: dict[int, int] = {}
        for entry in self.entries(place):
            if not self.is_sound(entry):
                continue
            tag = Tag(entry.kind, entry.count, self.value(entry))
            if entry.number in DIRECTORIES:
                pointers.setdefault(entry.number, whole_number(tag, self.order) or 0)
            else:
                found.setdefault(entry.number, tag)
        return found, pointers


def _tidy(layout: _Layout, unwanted: set[int], size: tuple[int, int]) -> list[str]:
    """Take tags out of all directories where they lie, and the thumbnails out of the block.

    Returns:
        The names of those tags that could not stay because they are broken.
    """
    broken = []
    following = _next_place(layout, layout.first)
    waiting, done = [layout.first], set()
    kept: list[tuple[int, int]] = []
    while waiting:
        place = waiting.pop()
        if place in done:
            continue
        done.add(place)
        wanted = [entry for entry in layout.entries(place) if entry.number not in unwanted]
        entries = [entry for entry in wanted if _is_sound(layout, entry)]
        broken += [_name(entry.number) for entry in wanted if entry not in entries]
        for entry in entries:
            if entry.number in DIRECTORIES:
                waiting.append(_place(layout, entry))
            kept.append((entry.value_at, entry.value_at + entry.size))
            _say_size(layout, entry, size)
        kept.append(_write_entries(layout, place, entries))
    _blank_thumbnails(layout, following, kept)
    return broken


def _is_sound(layout: _Layout, entry: _Entry) -> bool:
    """Whether it has a value, and the directory that it leads to is there."""
    if not layout.is_sound(entry):
        return False
    return entry.number not in DIRECTORIES or any(True for _ in layout.entries(_place(layout, entry)))


def _place(layout: _Layout, entry: _Entry) -> int:
    return whole_number(Tag(entry.kind, entry.count, layout.value(entry)), layout.order) or 0


def _say_size(layout: _Layout, entry: _Entry, size: tuple[int, int]) -> None:
    for numbers, length in zip((WIDTHS, HEIGHTS), size, strict=True):
        if entry.number in numbers and entry.count == 1 and entry.kind in (SHORT, LONG):
            code = "H" if entry.kind == SHORT and length < 2**16 else "I"
            struct.pack_into(f"{layout.order}H", layout.block, entry.at + 2, SHORT if code == "H" else LONG)
            struct.pack_into(f"{layout.order}{code}", layout.block, entry.at + 8, length)


def _swap_resolutions(layout: _Layout) -> None:
    """What was across is down."""
    entries = {entry.number: entry for entry in layout.entries(layout.first)}
    across, down = entries.get(X_RESOLUTION), entries.get(Y_RESOLUTION)
    if (
        across
        and down
        and (across.kind, across.count) == (down.kind, down.count)
        and isinstance(layout.block, bytearray)
    ):
        first, second = (bytes(layout.block[entry.at + 8 : entry.at + 12]) for entry in (across, down))
        layout.block[across.at + 8 : across.at + 12] = second
        layout.block[down.at + 8 : down.at + 12] = first


def _write_entries(layout: _Layout, place: int, entries: list[_Entry]) -> tuple[int, int]:
    """Write a directory of these entries, and of no other behind it, where one of more has been; say where it lies."""
    block = layout.block
    if not isinstance(block, bytearray) or not 8 <= place <= len(block) - 2:
        return (0, 0)
    before = sum(1 for _ in layout.entries(place))
    content = struct.pack(f"{layout.order}H", len(entries))
    content += b"".join(bytes(block[entry.at : entry.at + 12]) for entry in entries)
    stop = place + 2 + 12 * before + 4
    block[place:stop] = content.ljust(stop - place, b"\0")
    return (place, place + len(content) + 4)


def _next_place(layout: _Layout, place: int) -> int:
    """Where the next directory is, 0 for none."""
    if not 8 <= place <= len(layout.block) - 2:
        return 0
    (count,) = struct.unpack_from(f"{layout.order}H", layout.block, place)
    at = place + 2 + 12 * count
    return struct.unpack_from(f"{layout.order}I", layout.block, at)[0] if at + 4 <= len(layout.block) else 0


def _blank_thumbnails(layout: _Layout, place: int, kept: list[tuple[int, int]]) -> None:
    """Take the images of the directories behind the first out of the block, unless they lie where other things do."""
    seen: set[int] = set()
    while place and place not in seen and len(seen) < _MOST_IMAGES:
        seen.add(place)
        tags, _ = layout.tags(place)
        following = _next_place(layout, place)
        for start_tag, length_tag in _IMAGE_PLACES:
            start = whole_number(tags.get(start_tag), layout.order) or 0
            length = whole_number(tags.get(length_tag), layout.order) or 0
            _blank(layout, start, min(start + length, len(layout.block)), kept)
        place = following


def _blank(layout: _Layout, start: int, stop: int, kept: list[tuple[int, int]]) -> None:
    block = layout.block
    is_free = all(stop <= begin or end <= start for begin, end in kept)
    if isinstance(block, bytearray) and 8 <= start < stop and is_free:
        if stop == len(block):
            del block[start:]
        else:
            block[start:stop] = bytes(stop - start)
