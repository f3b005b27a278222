"""Changes to a block of EXIF where it lies: nothing moves, since makers' notes count places from its beginning."""

from __future__ import annotations

import struct

from PIL import ExifTags

from udsd.images.metadata.directories import DIRECTORIES, LONG, SHORT, whole_number
from udsd.images.metadata.exif_layout import Entry, Layout

_X_RESOLUTION, _Y_RESOLUTION = 282, 283
_WIDTHS, _HEIGHTS = (256, 40962), (257, 40963)
"""Tags of the first directory, and of the one that EXIF adds."""
_IMAGE_PLACES = ((513, 514), (273, 279))
"""Where a thumbnail lies, and its bytes: of a JPEG, and of strips."""
_MOST_IMAGES = 8


def name_of(number: int) -> str:
    """Of a tag."""
    return str(ExifTags.TAGS.get(number, number))


def tidy(layout: Layout, unwanted: set[int], size: tuple[int, int]) -> list[str]:
    """Take tags out of all directories where they lie, and the thumbnails out of the block.

    Returns:
        The names of those tags that could not stay because they are broken.
    """
    broken = []
    following = layout.next_place(layout.first)
    waiting, done = [layout.first], set()
    kept: list[tuple[int, int]] = []
    while waiting:
        place = waiting.pop()
        if place in done:
            continue
        done.add(place)
        entries = []
        for entry in layout.entries(place):
            if entry.number in unwanted:
                continue
            if not _is_sound(layout, entry):
                broken.append(name_of(entry.number))
                continue
            entries.append(entry)
            if entry.number in DIRECTORIES:
                waiting.append(layout.number(entry) or 0)
            kept.append((entry.value_at, entry.value_at + entry.size))
            _say_size(layout, entry, size)
        kept.append(_write_entries(layout, place, entries))
    _blank_thumbnails(layout, following, kept)
    return broken


def _is_sound(layout: Layout, entry: Entry) -> bool:
    """Whether it has a value, and the directory that it leads to is there."""
    if not layout.is_sound(entry):
        return False
    return entry.number not in DIRECTORIES or any(True for _ in layout.entries(layout.number(entry) or 0))


def _say_size(layout: Layout, entry: Entry, size: tuple[int, int]) -> None:
    for numbers, length in zip((_WIDTHS, _HEIGHTS), size, strict=True):
        if entry.number in numbers and entry.count == 1 and entry.kind in (SHORT, LONG):
            code = "H" if entry.kind == SHORT and length < 2**16 else "I"
            struct.pack_into(f"{layout.order}H", layout.block, entry.at + 2, SHORT if code == "H" else LONG)
            struct.pack_into(f"{layout.order}{code}", layout.block, entry.at + 8, length)


def swap_resolutions(layout: Layout) -> None:
    """What was across is down."""
    entries = {entry.number: entry for entry in layout.entries(layout.first)}
    across, down = entries.get(_X_RESOLUTION), entries.get(_Y_RESOLUTION)
    if (
        across
        and down
        and (across.kind, across.count) == (down.kind, down.count)
        and isinstance(layout.block, bytearray)
    ):
        first, second = (bytes(layout.block[entry.at + 8 : entry.at + 12]) for entry in (across, down))
        layout.block[across.at + 8 : across.at + 12] = second
        layout.block[down.at + 8 : down.at + 12] = first


def _write_entries(layout: Layout, place: int, entries: list[Entry]) -> tuple[int, int]:
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


def _blank_thumbnails(layout: Layout, place: int, kept: list[tuple[int, int]]) -> None:
    """Take the images of the directories behind the first out of the block, unless they lie where other things do."""
    seen: set[int] = set()
    while place and place not in seen and len(seen) < _MOST_IMAGES:
        seen.add(place)
        tags, _ = layout.tags(place)
        following = layout.next_place(place)
        for start_tag, length_tag in _IMAGE_PLACES:
            start = whole_number(tags.get(start_tag), layout.order) or 0
            length = whole_number(tags.get(length_tag), layout.order) or 0
            _blank(layout, start, min(start + length, len(layout.block)), kept)
        place = following


def _blank(layout: Layout, start: int, stop: int, kept: list[tuple[int, int]]) -> None:
    block = layout.block
    is_free = all(stop <= begin or end <= start for begin, end in kept)
    if isinstance(block, bytearray) and 8 <= start < stop and is_free:
        if stop == len(block):
            del block[start:]
        else:
            block[start:stop] = bytes(stop - start)
