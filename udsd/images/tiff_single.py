"""A TIFF file of one page, made in memory of the strips or tiles of another."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from udsd.images import tiff_directories as tags
from udsd.images.tiff_directories import Entry, TiffDirectories

_LONG = 4
_STORED = (
    *(tags.WIDTH, tags.HEIGHT, tags.BITS, tags.COMPRESSION, tags.PHOTOMETRIC, tags.FILL_ORDER, tags.SAMPLES),
    *(tags.ROWS_PER_STRIP, tags.PLANAR, tags.PREDICTOR, tags.TILE_WIDTH, tags.TILE_HEIGHT),
    *(tags.EXTRA_SAMPLES, tags.SAMPLE_FORMAT, 292, 293, 320, 332, 334, 347, 529, 530, 531, 532),
)
"""What a decoder must know: with options of fax, palette, inks, JPEG's tables and its colours."""


def single_page(
    order: str, segments: Sequence[bytes], entries: Mapping[int, tuple[int, int, bytes]], *, is_tiled: bool
) -> bytearray:
    """A TIFF of one page.

    Args:
        order: Byte order of its numbers, as `struct` names it.
        segments: The strips or tiles.
        entries: All tags but those of the places and lengths of these: TIFF type, number of elements, content in the
            byte order.
        is_tiled: Whether the segments are tiles.

    Raises:
        ValueError: It would be of more than 4 GB.
    """
    content = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    offsets = []
    for segment in segments:
        offsets.append(len(content))
        content += segment
    places = (tags.TILE_OFFSETS, tags.TILE_BYTES) if is_tiled else (tags.STRIP_OFFSETS, tags.STRIP_BYTES)
    written = dict(entries)
    try:
        for tag, values in zip(places, (offsets, [len(segment) for segment in segments]), strict=True):
            written[tag] = (_LONG, len(values), struct.pack(f"{order}{len(values)}I", *values))
        directory = struct.pack(f"{order}H", len(written))
        for tag, (kind, count, value) in sorted(written.items()):
            content += bytes(len(content) % 2)
            where = value if len(value) <= 4 else struct.pack(f"{order}I", len(content))
            content += value if len(value) > 4 else b""
            directory += struct.pack(f"{order}HHI", tag, kind, count) + where.ljust(4, b"\0")
        content += bytes(len(content) % 2)
        content[4:8] = struct.pack(f"{order}I", len(content))
    except struct.error as error:
        raise ValueError("a page of more than 4 GB") from error
    return content + directory + bytes(4)


def page_alone(tiff: TiffDirectories, page: dict[int, Entry]) -> bytearray:
    """A page with those tags alone that a decoder must know: not what describes it, and not its orientation.

    Raises:
        ValueError: It is cut off, or its strips or tiles are longer than the file.
    """
    is_tiled = tags.TILE_OFFSETS in page
    offsets = tiff.numbers(page, tags.TILE_OFFSETS if is_tiled else tags.STRIP_OFFSETS)
    lengths = tiff.numbers(page, tags.TILE_BYTES if is_tiled else tags.STRIP_BYTES)
    if not offsets or len(offsets) != len(lengths) or sum(lengths) > tiff.length:
        raise ValueError("strips or tiles of no length, or too long")
    entries = {tag: (entry.kind, entry.count, tiff.content(entry)) for tag in _STORED if (entry := page.get(tag))}
    segments = [tiff.read(*where) for where in zip(offsets, lengths, strict=True)]
    return single_page(tiff.order, segments, entries, is_tiled=is_tiled)
