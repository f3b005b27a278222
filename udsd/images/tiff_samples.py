"""Samples of one TIFF page, whatever they mean.

The page's strips or tiles are handed to Pillow's libtiff as the strips of a grey TIFF of 8 bits, each row of it the
bytes of a row: libtiff decompresses, and nothing else. So the rest of the file is not read, and what libraries make of
depth, byte order, planes, predictor, alpha and orientation does not count.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from udsd.images import tiff_directories as tags
from udsd.images.tiff_directories import Entry, TiffDirectories
from udsd.images.tiff_single import single_page

Samples: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

UNCOMPRESSED = 1
_PREDICTED = (5, 8, 32946, 34925, 50000)
"""LZW, both numbers of Deflate, LZMA and Zstandard: those whose samples may be stored as differences."""
LOSSLESS = (UNCOMPRESSED, *_PREDICTED, 32773)
"""Compressions that keep any samples; the last is PackBits."""
_NO_PREDICTOR, _HORIZONTAL = 1, 2
_SEPARATE_PLANES = 2
_LOW_BITS_FIRST = 2
_LONG = 4
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in the other order."""
_SLACK = 2**16
"""Bytes by which a compressed strip may exceed twice its size."""
_AT_A_TIME = 2**24
"""Decompressed bytes of the strips or tiles that are handed over together."""


def read_samples(
    tiff: TiffDirectories, page: dict[int, Entry], width: int, height: int, samples: int, bits: int
) -> Samples:
    """The samples (H, W, C) of a page as stored, uint8 of up to 8 bits and uint16 of up to 16.

    Args:
        tiff: The file.
        page: The page.
        width: Of the page.
        height: Of the page.
        samples: Of a pixel, C.
        bits: Of a sample, 1 to 16, unsigned.

    Raises:
        ValueError: They are cut off, damaged, or stored in a way that is not read.
    """
    planes = samples if tiff.number(page, tags.PLANAR, 1) == _SEPARATE_PLANES else 1
    joined = samples // planes
    predictor = _predictor(tiff, page, bits)
    tile = (width, min(tiff.number(page, tags.ROWS_PER_STRIP, height), height))
    if tags.TILE_OFFSETS in page:
        tile = (tiff.number(page, tags.TILE_WIDTH), tiff.number(page, tags.TILE_HEIGHT))
    if 0 in tile:
        raise ValueError("strips or tiles of no size")
    pixels = np.empty((height, width, samples), np.uint8 if bits <= 8 else np.uint16)
    places = [(top, left) for top in range(0, height, tile[1]) for left in range(0, width, tile[0])]
    heights = [tile[1] if tags.TILE_OFFSETS in page else min(tile[1], height - top) for top, _ in places]
    row_bytes = -(-tile[0] * joined * bits // 8)
    segments = _segments(tiff, page, planes * len(places), tile[1] * row_bytes)
    for plane in range(planes):
        parts = _decompressed(tiff, page, segments[plane * len(places) :], row_bytes, heights)
        for (top, left), rows in zip(places, parts, strict=True):
            part = _unpacked(rows, bits, tiff.order, tile[0] * joined).reshape(-1, tile[0], joined)
            if predictor == _HORIZONTAL:
                np.cumsum(part, axis=1, dtype=part.dtype, out=part)
            inside = pixels[top : top + tile[1], left : left + tile[0], plane : plane + joined]
            inside[:] = part[: inside.shape[0], : inside.shape[1]]
    return pixels


def _predictor(tiff: TiffDirectories, page: dict[int, Entry], bits: int) -> int:
    if tiff.number(page, tags.COMPRESSION, UNCOMPRESSED) not in _PREDICTED:
        return _NO_PREDICTOR
    predictor = tiff.number(page, tags.PREDICTOR, _NO_PREDICTOR)
    if predictor != _NO_PREDICTOR and (predictor != _HORIZONTAL or bits not in (8, 16)):
        raise ValueError(f"predictor {predictor} of {bits} bits")
    return predictor


def _unpacked(rows: NDArray[np.uint8], bits: int, order: str, count: int) -> Samples:
    """Rows of bytes as rows of so many samples."""
    if bits == 8:
        return np.array(rows)
    if bits == 16:
        return rows.view(f"{order}u2").astype(np.uint16)
    single = np.unpackbits(rows, axis=1, count=count * bits).reshape(len(rows), count, bits)
    values = np.zeros((len(rows), count), np.uint8 if bits < 8 else np.uint16)
    for bit in range(bits):
        values = values << 1 | single[..., bit]
    return values


def _decompressed(
    tiff: TiffDirectories,
    page: dict[int, Entry],
    segments: Sequence[tuple[int, int]],
    row_bytes: int,
    heights: Sequence[int],
) -> Iterator[NDArray[np.uint8]]:
    """Strips or tiles, each as rows of bytes.

    Args:
        tiff: The file.
        page: The page.
        segments: Offset and length of each.
        row_bytes: Bytes of a row of each.
        heights: Rows of each, of which only the last may have fewer than the others.
    """
    compression = tiff.number(page, tags.COMPRESSION, UNCOMPRESSED)
    is_reversed = tiff.number(page, tags.FILL_ORDER, 1) == _LOW_BITS_FIRST
    together = max(_AT_A_TIME // (heights[0] * row_bytes), 1)
    for start in range(0, len(heights), together):
        rows = heights[start : start + together]
        content = [tiff.read(*segment) for segment in segments[start : start + len(rows)]]
        if is_reversed:
            content = [each.translate(_REVERSED) for each in content]
        if compression == UNCOMPRESSED:
            yield from (_rows_of(each, height, row_bytes) for each, height in zip(content, rows, strict=True))
        else:
            joined = _grey_tiff(row_bytes, sum(rows), content, rows[0], compression)
            yield from np.split(_by_libtiff(joined), np.cumsum(rows)[:-1])


def _rows_of(content: bytes, height: int, row_bytes: int) -> NDArray[np.uint8]:
    if len(content) < height * row_bytes:
        raise ValueError("strips or tiles that are cut off")
    return np.frombuffer(content, np.uint8, height * row_bytes).reshape(height, row_bytes)


def _grey_tiff(width: int, height: int, segments: Sequence[bytes], rows: int, compression: int) -> bytearray:
    """A TIFF of one grey page of 8 bits, in strips of so many rows.

    Raises:
        ValueError: It would be of more than 4 GB.
    """
    numbers = {tags.WIDTH: width, tags.HEIGHT: height, tags.BITS: 8, tags.COMPRESSION: compression}
    numbers |= {tags.PHOTOMETRIC: 1, tags.ROWS_PER_STRIP: rows}
    entries = {tag: (_LONG, 1, struct.pack("<I", number)) for tag, number in numbers.items()}
    return single_page("<", segments, entries, is_tiled=False)


def _segments(tiff: TiffDirectories, page: dict[int, Entry], count: int, size: int) -> list[tuple[int, int]]:
    """Offset and length of the strips or tiles, which have up to that many bytes when they are decompressed."""
    is_tiled = tags.TILE_OFFSETS in page
    offsets = tiff.numbers(page, tags.TILE_OFFSETS if is_tiled else tags.STRIP_OFFSETS)
    lengths = tiff.numbers(page, tags.TILE_BYTES if is_tiled else tags.STRIP_BYTES)
    if tiff.number(page, tags.COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED:
        # Some files leave the lengths out, and in some they are too long.
        lengths = tuple(min(length, size) for length in lengths or (size,) * len(offsets))
    if len(offsets) < count or len(lengths) < count:
        raise ValueError(f"{min(len(offsets), len(lengths))} of {count} strips or tiles")
    if max(lengths) > 2 * size + _SLACK:
        raise ValueError("strips or tiles that are longer than what they hold")
    return [*zip(offsets[:count], lengths[:count], strict=True)]


def _by_libtiff(content: bytearray) -> NDArray[np.uint8]:
    # Not by Image.open, whose limit is on pixels: these are bytes, of which a pixel has up to eight.
    with TiffImagePlugin.TiffImageFile(io.BytesIO(content)) as image:
        pixels: NDArray[np.uint8] = np.asarray(image)
    return pixels
