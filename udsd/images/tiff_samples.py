"""Samples of 16 bits of one TIFF page, whatever they mean.

OpenCV's libtiff decompresses the page's strips or tiles, and nothing else: they are handed over as a grey TIFF of that
one page. So the rest of the file is not read, and what OpenCV makes of orientation, alpha and planes does not count.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from udsd.extras import require
from udsd.images import tiff_directories as tags
from udsd.images.tiff_directories import Entry, TiffDirectories
from udsd.images.tiff_single import single_page

_UNCOMPRESSED = 1
_PREDICTED = (5, 8, 32946)
"""LZW and both numbers of Deflate: those whose samples may be stored as differences."""
COMMON_COMPRESSIONS = (_UNCOMPRESSED, *_PREDICTED, 32773)
"""Those that OpenCV knows, the last being PackBits."""
_HORIZONTAL = 2
_SEPARATE_PLANES = 2
_BYTES = 2
_LONG = 4
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
        content = _grey_tiff(
            tiff.order,
            size=(width * joined, height),
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


def _grey_tiff(
    order: str,
    *,
    size: tuple[int, int],
    segments: Sequence[bytes],
    tile: tuple[int, int],
    is_tiled: bool,
    compression: int,
) -> bytearray:
    """A TIFF of one grey page of 16 bits of which black is 0.

    Args:
        order: Byte order of its numbers and samples, as `struct` names it.
        size: Width and height of the page.
        segments: The compressed strips or tiles.
        tile: Width and height of a tile, or of a strip.
        is_tiled: Whether the segments are tiles.
        compression: As TIFF numbers it.

    Raises:
        ValueError: It would be of more than 4 GB.
    """
    numbers = {tags.WIDTH: size[0], tags.HEIGHT: size[1], tags.BITS: 8 * _BYTES, tags.COMPRESSION: compression}
    numbers[tags.PHOTOMETRIC] = 1
    numbers |= {tags.TILE_WIDTH: tile[0], tags.TILE_HEIGHT: tile[1]} if is_tiled else {tags.ROWS_PER_STRIP: tile[1]}
    entries = {tag: (_LONG, 1, struct.pack(f"{order}I", number)) for tag, number in numbers.items()}
    return single_page(order, segments, entries, is_tiled=is_tiled)


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
