"""EXIF: what of it is still true of a restored image, changed where it lies.

Makers' notes hold places counted from the beginning of the block, so that nothing may move. Tags are taken out of their
directories, and what they leave stays empty. Only what is too long for a format is built anew.
"""

from __future__ import annotations

import struct

from udsd.images.metadata.directories import (
    KIND_BYTES,
    LONG,
    ORIENTATION,
    RATIONAL,
    SHORT,
    Directories,
    Tag,
    fraction,
    packed,
    packed_length,
    whole_number,
)
from udsd.images.metadata.exif_changes import name_of, swap_resolutions, tidy
from udsd.images.metadata.exif_layout import Layout

HEADER = b"Exif\0\0"
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
_PREVIEWS = (330, 700, 33723, 34377, 34675, 37724)
"""Directories of other images; what is carried beside EXIF: XMP, IPTC, Photoshop's resources, profile; layers."""
_OF_PLACES = (37396, 41492, 33550, 33922, 34264, 34735, 34736, 34737)
"""The subject's area and place, in pixels; where on Earth pixels lie."""
_OF_COLOURS = (301, 318, 319, 40961, 42240)
"""Transfer function, white point, primaries, colour space, gamma."""

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
    layout = Layout(block) if block else None
    found = Directories("<" if layout is None else layout.order)
    if layout is None:
        return found
    main, pointers = layout.tags(layout.first)
    found.main.update(main)
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
    layout = Layout(block)
    for entry in layout.entries(layout.first):
        if entry.number == ORIENTATION and layout.is_sound(entry):
            number = layout.number(entry)
            return number if number in range(1, 9) else None
    return None


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
    layout = Layout(block)
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
    layout = Layout(bytearray(block))
    unwanted = {
        ORIENTATION,
        *_PREVIEWS,
        *(_OF_PLACES if orientation > 1 else ()),
        *(_OF_COLOURS if is_converted else ()),
    }
    broken = tidy(layout, unwanted, size)
    if orientation >= 5:
        swap_resolutions(layout)
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
        dropped.append(name_of(number))
    return (HEADER + packed(directories) if directories else None), dropped
