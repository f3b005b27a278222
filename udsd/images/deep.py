"""Colour images of 16 bits, which Pillow cannot hold: read, and written as PNG, with OpenCV."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from udsd.extras import require
from udsd.images.metadata import save_arguments

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_PIXEL_CHUNKS = (b"IHDR", b"IDAT", b"IEND")

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


@dataclass(frozen=True, slots=True, eq=False)
class DeepImage:
    """A colour image of 16 bits a channel.

    Attributes:
        pixels: uint16, RGB (H, W, 3) or RGBA (H, W, 4).
        info: What is carried over beside the pixels, as in `PIL.Image.Image.info`.
    """

    pixels: NDArray[np.uint16]
    info: dict[str, Any]

    def to_pillow(self) -> Image.Image:
        """Rounded to 8 bits."""
        image = Image.fromarray(np.rint(self.pixels / 257).astype(np.uint8))
        image.info.update(self.info)
        return image


Page: TypeAlias = Image.Image | DeepImage
"""One page of an image file."""


def is_deep(image: Image.Image) -> bool:
    """Whether an opened file holds colours of 16 bits, of which Pillow would read 8."""
    raw_modes = str([tile[3] for tile in getattr(image, "tile", [])])
    return ";16" in raw_modes and image.mode[0] != "I"


def read_deep(path: Path, page: int, *, is_grey: bool, orientation: int) -> NDArray[np.uint16]:
    """Pixels of one page, upright: grey and alpha (H, W, 2), RGB (H, W, 3) or RGBA (H, W, 4).

    Raises:
        ValueError: OpenCV cannot read them.
    """
    cv2 = require("cv2", "OpenCV")  # here, since few images need it

    content = np.fromfile(path, np.uint8)
    try:
        read, pages = cv2.imdecodemulti(content, cv2.IMREAD_UNCHANGED, range=(page, page + 1))
    except cv2.error as error:
        raise ValueError(" ".join(str(error).split())) from error
    if not read or not pages or pages[0].dtype != np.uint16 or pages[0].ndim != 3:
        raise ValueError("its 16 bits per colour cannot be read")
    pixels = np.asarray(pages[0])
    channels = [0, -1] if is_grey else [2, 1, 0, 3][: pixels.shape[2]]
    pixels = pixels[..., channels]
    turn = _TURNS.get(orientation)
    upright: NDArray[np.uint16] = np.ascontiguousarray(turn(pixels) if turn else pixels)
    return upright


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation, 1 where there is none that can be read."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    # On broken EXIF Pillow raises many types; the picture is still good.
    except Exception:
        return 1


def encode_png(image: DeepImage) -> bytes:
    """A PNG of 16 bits with all that is carried over.

    Raises:
        ValueError: OpenCV cannot write it.
    """
    cv2 = require("cv2", "OpenCV")

    blue_first = np.ascontiguousarray(image.pixels[..., [2, 1, 0, 3][: image.pixels.shape[2]]])
    done, buffer = cv2.imencode(".png", blue_first)
    if not done:
        raise ValueError("OpenCV cannot write it")
    header, *pixels = _png_chunks(buffer.tobytes())
    # OpenCV writes the pixels, Pillow all the rest.
    donor = io.BytesIO()
    Image.new("RGB", (1, 1)).save(donor, "PNG", **save_arguments("PNG", image.info))
    beside = [chunk for chunk in _png_chunks(donor.getvalue()) if chunk[4:8] not in _PNG_PIXEL_CHUNKS]
    return b"".join([_PNG_SIGNATURE, header, *beside, *pixels])


def _png_chunks(content: bytes) -> list[bytes]:
    """The chunks of a sound PNG, each with its length and checksum."""
    chunks = []
    start = len(_PNG_SIGNATURE)
    while start < len(content):
        stop = start + 12 + int.from_bytes(content[start : start + 4])
        chunks.append(content[start:stop])
        start = stop
    return chunks
