"""PNGs with colours of 16 bits, or with 16-bit grey of which one level is transparent.

Pillow decompresses them but keeps 8 bits, either the high or the low ones as its raw mode says: so it does it twice.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from udsd.images.deep import DeepImage, Page
from udsd.images.families import Destination, PageWriter
from udsd.images.formats import ImageFormat
from udsd.images.metadata import PNG_SIGNATURE, add_beside, save_arguments

_PNG_PIXEL_CHUNKS = (b"IHDR", b"IDAT", b"IEND")
_TRANSPARENT_COLOUR = b"tRNS"
_RGB, _RGBA = 2, 6
"""Types of colour, as PNG numbers them."""
_SUB, _UP = 1, 2
"""Filters: what is written is the difference to the pixel on the left, or to the one above."""
_LEVEL = 6
_CHUNK_BYTES = 2**20
_ROWS = 64
"""Rows that are filtered at a time."""

_RAW_MODES = {"LA;16B": ("RGBA",), "RGB;16B": ("RGB;16B", "RGB;16L"), "RGBA;16B": ("RGBA;16B", "RGBA;16L")}
"""As what Pillow reads each kind. Grey and alpha of 16 bits have the four bytes of RGBA; of the others it takes the
high bytes and then, told that they are little-endian, the low ones."""

_TURNS: dict[int, Any] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}
"""How each EXIF orientation is set upright."""


def is_deep(image: Image.Image) -> bool:
    """Whether an opened PNG holds colours of 16 bits, of which Pillow would read 8, or a transparent level of 16."""
    raw_modes = [tile[3] for tile in getattr(image, "tile", [])]
    if image.format != "PNG" or not raw_modes:
        return False
    return raw_modes[0] in _RAW_MODES or (image.mode[0] == "I" and "transparency" in image.info)


def read_deep(file: BinaryIO, *, orientation: int) -> NDArray[np.uint16]:
    """Pixels of a PNG of 16 bits, upright: grey and alpha (H, W, 2), RGB (H, W, 3) or RGBA (H, W, 4).

    Args:
        file: The file, which is left where it stands.
        orientation: As EXIF tells it, 1 to 8.

    Raises:
        ValueError: It is of another kind.
        Exception: Whatever Pillow raises on a damaged file.
    """
    position = file.tell()
    content, key = _pixel_content(file)
    file.seek(position)
    pixels = _samples(content)
    channels = pixels.shape[2]
    if channels in (1, 3) and len(key) == 2 * channels:
        shown = (pixels != np.frombuffer(key, ">u2")).any(axis=2, keepdims=True)
        pixels = np.concatenate([pixels, shown * np.uint16(65535)], axis=2)
    elif channels == 1:
        raise ValueError("grey without transparency")
    return turned(pixels, orientation)


def _samples(content: bytes) -> NDArray[np.uint16]:
    """All samples (H, W, C) of the pixels' chunks."""
    # Not by Image.open: the size has been checked.
    with PngImagePlugin.PngImageFile(io.BytesIO(content)) as image:
        raw_mode = image.tile[0][3]
        if image.mode[0] == "I":
            return np.asarray(image).astype(np.uint16)[..., np.newaxis]
    if raw_mode not in _RAW_MODES:
        raise ValueError(f"a PNG of kind {raw_mode}")
    parts = [_decompressed(content, mode) for mode in _RAW_MODES[raw_mode]]
    if len(parts) == 1:
        parts = [parts[0][..., 0::2], parts[0][..., 1::2]]
    high, low = parts
    samples: NDArray[np.uint16] = high.astype(np.uint16) << np.uint16(8) | low
    return samples


def _decompressed(content: bytes, raw_mode: str) -> NDArray[np.uint8]:
    with PngImagePlugin.PngImageFile(io.BytesIO(content)) as image:
        codec, extents, offset, _ = image.tile[0]
        image.tile = [(codec, extents, offset, raw_mode)]  # type: ignore[list-item]
        pixels: NDArray[np.uint8] = np.asarray(image)
    return pixels


def _pixel_content(file: BinaryIO) -> tuple[bytes, bytes]:
    """A PNG's chunks of pixels, without what else is in the file and behind it; and its transparent colour, if any."""
    file.seek(0)
    content = [file.read(len(PNG_SIGNATURE))]
    key = b""
    while len(head := file.read(8)) == 8:
        length, kind = int.from_bytes(head[:4]), head[4:]
        if kind in _PNG_PIXEL_CHUNKS:
            content += [head, file.read(length + 4)]
        elif kind == _TRANSPARENT_COLOUR:
            key = file.read(length + 4)[:-4]
        else:
            file.seek(length + 4, os.SEEK_CUR)
        if kind == b"IEND":
            break
    return b"".join(content), key


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An array (H, W, C), set upright as the EXIF orientation, 1 to 8, says."""
    turn = _TURNS.get(orientation)
    upright: NDArray[Any] = np.ascontiguousarray(turn(pixels) if turn else pixels)
    return upright


def _write_png(pages: Iterable[Page], destination: Destination) -> None:
    """Write the one page as a PNG of 16 bits with all that is carried over."""
    (image,) = pages
    if not isinstance(image, DeepImage):
        raise TypeError(f"{type(image).__name__} is no image of 16 bits")
    header, *pixels = _pixel_chunks(image.pixels)
    # Pillow writes all the rest.
    donor = io.BytesIO()
    Image.new("RGB", (1, 1)).save(donor, "PNG", **save_arguments("PNG", image.info, str(destination.path)))
    beside = [chunk for chunk in _png_chunks(donor.getvalue()) if chunk[4:8] not in _PNG_PIXEL_CHUNKS]
    destination.unfinished.write_bytes(b"".join([PNG_SIGNATURE, header, *beside, *pixels]))
    add_beside(destination.unfinished, "PNG", [image.info], str(destination.path))


def _pixel_chunks(pixels: NDArray[np.uint16]) -> Iterator[bytes]:
    """The chunks of a PNG that hold its size, its pixels and its end."""
    height, width, channels = pixels.shape
    colour_type = _RGBA if channels == 4 else _RGB
    yield _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))
    compressor = zlib.compressobj(_LEVEL)
    waiting = bytearray()
    for start in range(0, height, _ROWS):
        waiting += compressor.compress(_filtered(pixels, start).tobytes())
        while len(waiting) >= _CHUNK_BYTES:
            yield _chunk(b"IDAT", waiting[:_CHUNK_BYTES])
            del waiting[:_CHUNK_BYTES]
    yield _chunk(b"IDAT", waiting + compressor.flush())
    yield _chunk(b"IEND", b"")


def _filtered(pixels: NDArray[np.uint16], start: int) -> NDArray[np.uint8]:
    """Some rows as bytes behind the number of their filter: of two, the one that leaves the smaller differences."""
    step = 2 * pixels.shape[2]
    samples = pixels[max(start - 1, 0) : start + _ROWS].astype(">u2", order="C")
    part = samples.view(np.uint8).reshape(-1, step * pixels.shape[1])
    above = part[:-1] if start else np.concatenate([np.zeros_like(part[:1]), part[:-1]])
    rows = part[1:] if start else part
    left = np.concatenate([np.zeros_like(rows[:, :step]), rows[:, :-step]], axis=1)
    differences = np.stack([rows - left, rows - above])
    sizes = np.abs(differences.view(np.int8).astype(np.int16)).sum(axis=2)
    is_up = sizes[1] < sizes[0]
    chosen = np.where(is_up[:, np.newaxis], differences[1], differences[0])
    return np.concatenate([np.where(is_up, _UP, _SUB).astype(np.uint8)[:, np.newaxis], chosen], axis=1)


def _chunk(kind: bytes, content: bytes | bytearray) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png_chunks(content: bytes) -> list[bytes]:
    """The chunks of a sound PNG, each with its length and checksum."""
    chunks = []
    start = len(PNG_SIGNATURE)
    while start < len(content):
        stop = start + 12 + int.from_bytes(content[start : start + 4])
        chunks.append(content[start:stop])
        start = stop
    return chunks


def _takes(image_format: ImageFormat, first: Page, several: bool) -> bool:
    return image_format.name == "PNG" and isinstance(first, DeepImage) and not several


DEEP_PNG_WRITER = PageWriter(_takes, _write_png)
