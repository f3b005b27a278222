"""Samples of 16 bits of one TIFF page, whatever they mean.

OpenCV's libtiff decompresses the page's strips or tiles, and nothing else: they are handed over as a grey TIFF of that
one page. So the rest of the file is not read, and what OpenCV makes of orientation, alpha and planes does not count.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from udsd.extras import require
from udsd.images import tiff_directories as tags
from udsd.images.tiff_directories import Entry, TiffDirectories

_UNCOMPRESSED = 1
_PREDICTED = (5, 8, 32946)
"""LZW and both numbers of Deflate: those whose samples may be stored as differences."""
COMMON_COMPRESSIONS = (_UNCOMPRESSED, *_PREDICTED, 32773)
"""Those that OpenCV knows, the last being PackBits."""
_HORIZONTAL = 2
_SEPARATE_PLANES = 2
_BYTES = 2
_SLACK = 2**16
"""Bytes by which a compressed strip may exceed twice its size."""


def read_samples(
    tiff: TiffDirectories, page: dict[int, Entry], width: int, height: int, samples: int
) -> NDArray[np.uint16]:
    """The samples (H, W, C) of a page, as stored.

    Raises:
        ValueError: They are cut off, damaged, or compressed in a way that OpenCV does not know.
    """
    planes = samples if tiff.number(page, tags.PLANAR, 1) == _SEPARATE_PLANES else 1
    joined = samples // planes
    tile = (tiff.number(page, tags.TILE_WIDTH), tiff.number(page, tags.TILE_HEIGHT))
    is_tiled = tags.TILE_OFFSETS in page
    if not is_tiled:
        rows = tiff.number(page, tags.ROWS_PER_STRIP, height)
        tile = (width, min(rows, height))
    if 0 in tile:
        raise ValueError("strips or tiles of no size")
    count = -(-width // tile[0]) * -(-height // tile[1])
    compression = tiff.number(page, tags.COMPRESSION, 1)
    segments = _read_segments(tiff, page, count * planes, tile[0] * tile[1] * joined * _BYTES)
    pixels = np.empty((height, width, samples), np.uint16)
    for plane in range(planes):
        content = grey_tiff(
            tiff.order,
            bits=16,
            width=width * joined,
            height=height,
            segments=segments[plane * count : (plane + 1) * count],
            tile=(tile[0] * joined, tile[1]),
            is_tiled=is_tiled,
            compression=compression,
        )
        pixels[..., plane : plane + joined] = _decompressed(content, (height, width * joined)).reshape(
            height, width, joined
        )
    if compression in _PREDICTED and tiff.number(page, tags.PREDICTOR, 1) == _HORIZONTAL:
        for left in range(0, width, tile[0]):
            part = pixels[:, left : left + tile[0]]
            np.cumsum(part, axis=1, dtype=np.uint16, out=part)
    return pixels


def grey_tiff(
    order: str,
    *,
    bits: int,
    width: int,
    height: int,
    segments: Sequence[bytes],
    tile: tuple[int, int] | None = None,
    is_tiled: bool = False,
    compression: int = _UNCOMPRESSED,
    beside: Mapping[int, tuple[int, int, bytes]] | None = None,
) -> bytearray:
    """A TIFF of one grey page of which black is 0.

    Args:
        order: Byte order of its numbers and samples, as `struct` names it.
        bits: Of a sample.
        width: Of the page.
        height: Of the page.
        segments: The compressed strips or tiles.
        tile: Width and height of a tile, or of a strip; without it there is one strip.
        is_tiled: Whether the segments are tiles.
        compression: As TIFF numbers it.
        beside: Further tags: TIFF type, number of elements, content in the byte order.

    Raises:
        ValueError: It would be of more than 4 GB.
    """
    content = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    offsets = []
    for segment in segments:
        offsets.append(len(content))
        content += segment
    across, down = tile or (width, height)
    layout = (tags.STRIP_OFFSETS, tags.STRIP_BYTES, {tags.ROWS_PER_STRIP: [down]})
    if is_tiled:
        layout = (tags.TILE_OFFSETS, tags.TILE_BYTES, {tags.TILE_WIDTH: [across], tags.TILE_HEIGHT: [down]})
    numbers = {tags.WIDTH: [width], tags.HEIGHT: [height], tags.BITS: [bits], tags.COMPRESSION: [compression]}
    numbers |= {tags.PHOTOMETRIC: [1], layout[0]: offsets, layout[1]: [len(segment) for segment in segments]}
    numbers |= layout[2]
    entries = dict(beside or {})
    try:
        for tag, values in numbers.items():
            entries[tag] = (4, len(values), struct.pack(f"{order}{len(values)}I", *values))
        directory = struct.pack(f"{order}H", len(entries))
        for tag, (kind, count, value) in sorted(entries.items()):
            content += bytes(len(content) % 2)
            where = value if len(value) <= 4 else struct.pack(f"{order}I", len(content))
            content += value if len(value) > 4 else b""
            directory += struct.pack(f"{order}HHI", tag, kind, count) + where.ljust(4, b"\0")
        content += bytes(len(content) % 2)
        content[4:8] = struct.pack(f"{order}I", len(content))
    except struct.error as error:
        raise ValueError("a page of more than 4 GB") from error
    return content + directory + bytes(4)


def _read_segments(tiff: TiffDirectories, page: dict[int, Entry], count: int, size: int) -> list[bytes]:
    """The compressed strips or tiles of a page, which have that many bytes when they are decompressed."""
    is_tiled = tags.TILE_OFFSETS in page
    offsets = tiff.numbers(page, tags.TILE_OFFSETS if is_tiled else tags.STRIP_OFFSETS)
    lengths = tiff.numbers(page, tags.TILE_BYTES if is_tiled else tags.STRIP_BYTES)
    if tiff.number(page, tags.COMPRESSION, 1) == _UNCOMPRESSED:
        # Some files leave the lengths out, and in some they are too long.
        lengths = tuple(min(length, size) for length in lengths or (size,) * len(offsets))
    if len(offsets) < count or len(lengths) < count:
        raise ValueError(f"{min(len(offsets), len(lengths))} of {count} strips or tiles")
    if max(lengths) > 2 * size + _SLACK:
        raise ValueError("strips or tiles that are longer than what they hold")
    return [tiff.read(*where) for where in zip(offsets[:count], lengths[:count], strict=True)]


def _decompressed(content: bytearray, shape: tuple[int, int]) -> NDArray[np.uint16]:
    cv2 = require("cv2", "OpenCV")  # here, since few images need it
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError(" ".join(str(error).split())) from error
    if pixels is None or pixels.dtype != np.uint16 or pixels.shape != shape:
        raise ValueError("OpenCV cannot read it")
    grey: NDArray[np.uint16] = pixels
    return grey
