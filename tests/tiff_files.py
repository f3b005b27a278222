"""TIFF files of one page, byte by byte: any combination of what TIFF has fields for."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COMPRESSIONS = {
    "none": (1, "raw"),
    "LZW": (5, "tiff_lzw"),
    "Deflate": (8, "tiff_adobe_deflate"),
    "PackBits": (32773, "packbits"),
    "LZMA": (34925, "lzma"),
    "Zstandard": (50000, "zstd"),
}
"""Their numbers in TIFF and names in Pillow."""
PREDICTED = ("LZW", "Deflate", "LZMA", "Zstandard")
_YCBCR = 6
_STRIP_ROWS = 7
_TILE = 16
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Layout:
    """How the samples of a page are stored.

    Attributes:
        bits: Of a sample.
        photometric: 0 white is zero, 1 black is zero, 2 RGB, and so on.
        extra: What the samples beyond the colours are, as ExtraSamples numbers it.
        planar: Whether each channel has its own strips.
        tiled: Whether there are tiles of 16 x 16 in place of strips of 7 rows.
        compression: A key of `COMPRESSIONS`.
        predictor: 1 none, 2 horizontal, 3 that of floating point.
        order: Byte order, as `struct` names it.
        sample_format: 1 unsigned, 2 signed, 3 floating point.
        fill_order: 1 the first pixel in the high bits of a byte, 2 in the low ones.
        palette: Of 16 bits: all reds, all greens, all blues.
    """

    bits: int = 16
    photometric: int = 2
    extra: tuple[int, ...] = ()
    planar: bool = False
    tiled: bool = False
    compression: str = "none"
    predictor: int = 1
    order: str = "<"
    sample_format: int = 1
    fill_order: int = 1
    palette: tuple[int, ...] = ()


def tiff_file(samples: NDArray[np.integer], layout: Layout) -> bytes:
    """A TIFF of samples (H, W, C), which are stored as they are."""
    height, width, channels = samples.shape
    planes = [samples[..., [channel]] for channel in range(channels)] if layout.planar else [samples]
    across, down = (_TILE, _TILE) if layout.tiled else (width, min(_STRIP_ROWS, height))
    segments = []
    for plane in planes:
        if layout.tiled:
            plane = np.pad(plane, ((0, -height % down), (0, -width % across), (0, 0)))
        for top in range(0, plane.shape[0], down):
            for left in range(0, plane.shape[1], across):
                segments.append(_segment(plane[top : top + down, left : left + across], layout))
    content = bytearray((b"II*\0" if layout.order == "<" else b"MM\0*") + bytes(4))
    offsets = []
    for segment in segments:
        offsets.append(len(content))
        content += segment + bytes(len(segment) % 2)
    lengths = [len(segment) for segment in segments]
    tags = {256: [width], 257: [height], 258: [layout.bits] * channels, 259: [COMPRESSIONS[layout.compression][0]]}
    tags |= {262: [layout.photometric], 277: [channels], 284: [1 + layout.planar]}
    tags |= {322: [across], 323: [down], 324: offsets, 325: lengths} if layout.tiled else {}
    tags |= {} if layout.tiled else {273: offsets, 278: [down], 279: lengths}
    tags |= {266: [layout.fill_order]} if layout.fill_order != 1 else {}
    tags |= {317: [layout.predictor]} if layout.predictor != 1 else {}
    tags |= {338: list(layout.extra)} if layout.extra else {}
    tags |= {320: list(layout.palette)} if layout.palette else {}
    tags |= {530: [1, 1]} if layout.photometric == _YCBCR else {}
    tags |= {339: [layout.sample_format] * channels} if layout.sample_format != 1 else {}
    return bytes(_with_directory(content, tags, layout.order))


def _segment(part: NDArray[np.integer], layout: Layout) -> bytes:
    if layout.predictor == 2:
        part = np.diff(part, axis=1, prepend=np.zeros_like(part[:, :1])) & (2**layout.bits - 1)
    rows = part.reshape(part.shape[0], -1)
    if layout.bits in (8, 16, 32):
        stored = rows.astype(f"{layout.order}u{layout.bits // 8}").view(np.uint8)
    else:
        bits = (rows[..., None].astype(np.uint32) >> np.arange(layout.bits - 1, -1, -1)) & 1
        stored = np.packbits(bits.reshape(rows.shape[0], -1).astype(np.uint8), axis=1)
    stored = stored.reshape(rows.shape[0], -1)
    compressed = _compressed(stored.tobytes(), stored.shape, layout.compression)
    return compressed if layout.fill_order == 1 else compressed.translate(_REVERSED)


@cache
def _compressed(stored: bytes, shape: tuple[int, int], compression: str) -> bytes:
    """Rows of bytes as one strip that Pillow has compressed, which takes longer than to read it."""
    if compression == "none":
        return stored
    buffer = io.BytesIO()
    Image.frombytes("L", shape[::-1], stored).save(buffer, "TIFF", compression=COMPRESSIONS[compression][1])
    with Image.open(buffer) as image:
        (offset,), (length,) = image.tag_v2[273], image.tag_v2[279]
    return buffer.getvalue()[offset : offset + length]


def _with_directory(content: bytearray, tags: dict[int, list[int]], order: str) -> bytearray:
    directory = struct.pack(f"{order}H", len(tags))
    for tag, numbers in sorted(tags.items()):
        kind, code = (4, "I") if max(numbers) > 0xFFFF or tag in (273, 279, 324, 325) else (3, "H")
        value = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        if len(value) > 4:
            where = struct.pack(f"{order}I", len(content))
            content += value
        else:
            where = value.ljust(4, b"\0")
        directory += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + where
    content[4:8] = struct.pack(f"{order}I", len(content))
    return content + directory + bytes(4)
