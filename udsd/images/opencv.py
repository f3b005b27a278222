"""OpenCV as a reader and writer of PNGs with colours of 16 bits."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from udsd.extras import require
from udsd.images.deep import DeepImage, Page
from udsd.images.families import Destination, PageWriter
from udsd.images.formats import ImageFormat
from udsd.images.metadata import PNG_SIGNATURE, add_beside, save_arguments

_PNG_PIXEL_CHUNKS = (b"IHDR", b"IDAT", b"IEND")
_PNG_COLOUR_CHUNKS = (b"PLTE", b"tRNS")

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
    """Whether an opened file holds colours of 16 bits, of which Pillow would read 8."""
    raw_modes = str([tile[3] for tile in getattr(image, "tile", [])])
    return image.format in ("PNG", "TIFF") and ";16" in raw_modes and image.mode[0] != "I"


def read_deep(file: BinaryIO, *, is_grey: bool, orientation: int) -> NDArray[np.uint16]:
    """Pixels of a PNG of 16 bits, upright: grey and alpha (H, W, 2), RGB (H, W, 3) or RGBA (H, W, 4).

    Args:
        file: The file, which is left where it stands.
        is_grey: Whether it holds grey and alpha, which OpenCV gives as colours and alpha.
        orientation: As EXIF tells it, 1 to 8.

    Raises:
        ValueError: OpenCV cannot read them.
    """
    cv2 = require("cv2", "OpenCV")  # here, since few images need it
    position = file.tell()
    content = _pixel_content(file)
    file.seek(position)
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError(" ".join(str(error).split())) from error
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise ValueError("its 16 bits per colour cannot be read")
    channels = [0, -1] if is_grey else [2, 1, 0, 3][: pixels.shape[2]]
    return turned(pixels[..., channels], orientation)


def _pixel_content(file: BinaryIO) -> bytes:
    """A PNG's chunks of pixels, without what else is in the file and behind it."""
    file.seek(0)
    content = [file.read(len(PNG_SIGNATURE))]
    while len(head := file.read(8)) == 8:
        length, kind = int.from_bytes(head[:4]), head[4:]
        if kind in (*_PNG_PIXEL_CHUNKS, *_PNG_COLOUR_CHUNKS):
            content += [head, file.read(length + 4)]
        else:
            file.seek(length + 4, os.SEEK_CUR)
        if kind == b"IEND":
            break
    return b"".join(content)


def turned(pixels: NDArray[np.uint16], orientation: int) -> NDArray[np.uint16]:
    """An array (H, W, C), set upright as the EXIF orientation, 1 to 8, says."""
    turn = _TURNS.get(orientation)
    upright: NDArray[np.uint16] = np.ascontiguousarray(turn(pixels) if turn else pixels)
    return upright


def _write_png(pages: Iterable[Page], destination: Destination) -> None:
    """Write the one page as a PNG of 16 bits with all that is carried over.

    Raises:
        ValueError: OpenCV cannot write it.
    """
    (image,) = pages
    if not isinstance(image, DeepImage):
        raise TypeError(f"{type(image).__name__} is no image of 16 bits")
    cv2 = require("cv2", "OpenCV")
    blue_first = np.ascontiguousarray(image.pixels[..., [2, 1, 0, 3][: image.pixels.shape[2]]])
    done, buffer = cv2.imencode(".png", blue_first)
    if not done:
        raise ValueError("OpenCV cannot write it")
    header, *pixels = _png_chunks(buffer.tobytes())
    # OpenCV writes the pixels, Pillow all the rest.
    donor = io.BytesIO()
    Image.new("RGB", (1, 1)).save(donor, "PNG", **save_arguments("PNG", image.info, str(destination.path)))
    beside = [chunk for chunk in _png_chunks(donor.getvalue()) if chunk[4:8] not in _PNG_PIXEL_CHUNKS]
    destination.unfinished.write_bytes(b"".join([PNG_SIGNATURE, header, *beside, *pixels]))
    add_beside(destination.unfinished, "PNG", [image.info], str(destination.path))


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


OPENCV_WRITER = PageWriter(_takes, _write_png)
