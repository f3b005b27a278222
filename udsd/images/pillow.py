"""Pillow as a reader: orientation, pages, modes, and what is carried over from the original."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, JpegImagePlugin

from udsd.errors import ImageError
from udsd.images.arrays import decode_array
from udsd.images.decoded import DecodedImage
from udsd.images.deep import DeepImage, Page
from udsd.images.deep_png import is_deep, read_deep
from udsd.images.depth import stored_bits
from udsd.images.formats import open_image
from udsd.images.headers import check_header
from udsd.images.jpeg import check_scans
from udsd.images.limits import check_held, check_pages, check_size
from udsd.images.metadata import (
    PNG_SIGNATURE,
    carried,
    found_in,
    found_in_chunks,
    found_in_jpeg,
    orientation_of,
    pillow_turns_tiffs,
    split_chunks,
    split_exif,
)
from udsd.images.modes import CONVERTED_MODES, to_restorable, to_srgb, transparent_grey
from udsd.images.webp import is_lossless

logger = logging.getLogger(__name__)

_ROUNDED = ("JPEG2000", "AVIF", "HEIF")
"""Formats of which Pillow reads 8 bits, whatever there are."""
_SHOWN = ("duration", "loop", "default_image", "lossless")
"""What an image says of how its pixels are shown and stored."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How each orientation is set upright."""


class PillowReader:
    """What Pillow opens, with all bits of PNGs of 16-bit colours: a `udsd.images.families.PageReader`.

    Args:
        file: The file, at its beginning.
        path: For messages.
        count: The number of pages, where it is known better.

    Raises:
        Exception: Whatever Pillow raises on a file that it cannot read.
    """

    def __init__(self, file: BinaryIO, path: Path, count: int | None = None) -> None:
        self._file = file
        self._name = str(path)
        check_header(file)
        file.seek(0)
        self._chunks: list[tuple[bytes, bytes]] | None = None
        self._found: dict[str, Any] | None = None
        self._exif: bytes | None = None
        shown = file
        start = file.read(len(PNG_SIGNATURE))
        if start == PNG_SIGNATURE:
            self._chunks, shown = split_chunks(file)
        elif start.startswith(b"\xff\xd8\xff"):
            self._exif, shown = split_exif(file)
        shown.seek(0)
        self._image = open_image(shown)
        if self._image.format == "WEBP" and is_lossless(file):
            self._image.info["lossless"] = True
        check_size(self._image)
        self.size = self._image.size
        self.count = _count_pages(self._image) if count is None else count
        check_pages(self.count)

    def read(self, index: int, found: Mapping[str, Any] | None = None) -> DecodedImage[Page]:
        """Decode a page, the first being 0; ``found`` is what it says beside its pixels, where that is known better."""
        image = self._image
        image.seek(index)
        check_size(image)
        # A frame may lie beyond the edges of a GIF, which grows with it.
        if index > 0 and image.format == "GIF":
            check_held(self.count * image.width * image.height)
        _check_not_empty(image)
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            self._file.seek(0)
            check_scans(self._file, image.width * image.height)
        if index == 0 and image.format in _ROUNDED and image.mode[0] != "I":
            bits = stored_bits(self._file)
            if bits > 8:
                logger.warning("%s: of its %d bits per colour 8 are read", self._name, bits)
        if found is None:
            found = self._found_beside(index)
        if not is_deep(image):
            return decode_pillow(image, self._name, found)
        image.load()
        try:
            pixels = self._read_deep(index, orientation_of(found))
        except ValueError as error:
            logger.warning("%s: of its 16 bits per colour 8 are read (%s)", self._name, error)
            return decode_pillow(image, self._name, found)
        return decode_deep(pixels, _carried(image, found, self._name, pixels.shape[1::-1]))

    def check_all(self) -> None:
        """The frames of an animation are as large as the first, and are written together."""
        width, height = self.size
        check_held(self.count * width * height)

    def _found_beside(self, index: int) -> Mapping[str, Any]:
        """What the file says; of frames behind the first how they are turned."""
        if self._found is None:
            image, name = self._image, self._name
            if self._chunks is not None:
                self._found = found_in_chunks(self._chunks, name)
            elif isinstance(image, JpegImagePlugin.JpegImageFile):
                self._found = found_in_jpeg(image, name, self._exif)
            else:
                self._found = found_in(image, name)
        return self._found if index == 0 else {"orientation": orientation_of(self._found)}

    def _read_deep(self, index: int, orientation: int) -> NDArray[np.uint16]:
        if index > 0:
            raise ValueError("the frames of an animation")
        return read_deep(self._file, orientation=orientation)

    def close(self) -> None:
        """Let go of what Pillow holds."""
        self._image.close()


def decode_pillow(image: Image.Image, name: str, found: Mapping[str, Any] | None = None) -> DecodedImage[Image.Image]:
    """Decode a Pillow image, turned upright as its EXIF orientation says.

    Encoding gives L, LA, RGB or RGBA (with the alpha that came in) or, for 16-bit grey, I;16, with what
    `udsd.images.metadata` carries over. Of an image with several pages only the current one is decoded.

    Args:
        image: Any mode but F and I.
        name: What logged warnings call the image.
        found: What the file says beside its pixels, where that is known better than from the image.

    Raises:
        ImageError: The image is empty, or of a mode without a fixed range.
        Exception: Whatever Pillow raises on a damaged image; `decode_image` turns it into an `ImageError`.
    """
    _check_not_empty(image)
    if found is None:
        found = found_in(image, name)
    orientation = orientation_of(found)
    key = transparent_grey(image)
    is_done = _turned_by_pillow(image, orientation) in _TURNS
    image.load()
    turned = _turned(image, 1 if is_done else orientation)
    if key is not None:
        turned.info["transparency"] = key
    info = _carried(image, found, name, turned.size)
    if turned.mode in CONVERTED_MODES:
        turned = to_srgb(turned, info.pop("icc_profile", None), name)
    return decode_array(np.asarray(to_restorable(turned))).then(lambda restored: with_info(restored, info))


def _carried(image: Image.Image, found: Mapping[str, Any], name: str, size: tuple[int, int]) -> dict[str, Any]:
    info = carried(found, name, size=size, is_converted=image.mode in CONVERTED_MODES)
    return info | {key: image.info[key] for key in _SHOWN if image.info.get(key) is not None}


def decode_deep(pixels: NDArray[np.uint16], info: dict[str, Any]) -> DecodedImage[Page]:
    """Decode colours of 16 bits (H, W, C), with C 2 (grey and alpha), 3 or 4; encoding gives a `DeepImage`."""
    # Grey with alpha becomes colours: no writer knows it in 16 bits.
    colours = [0, 0, 0, 1] if pixels.shape[2] == 2 else [0, 1, 2, 3][: pixels.shape[2]]
    return decode_array(pixels).then(lambda restored: DeepImage(restored[..., colours], info))


def _count_pages(image: Image.Image) -> int:
    """Pages of an opened file. The other pictures of an MPO, as telephones write it, are previews and depth maps."""
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def _check_not_empty(image: Image.Image) -> None:
    if 0 in image.size:
        raise ImageError(f"the image is empty ({image.width}x{image.height}); give one of at least 1x1 pixels")


def _turned_by_pillow(image: Image.Image, orientation: int) -> int:
    """The orientation by which Pillow has turned an image, or will when it is loaded; 1 for none."""
    if image.format != "TIFF" or not pillow_turns_tiffs():
        return 1
    if not getattr(image, "tile", None):
        return orientation
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    # On broken tags Pillow raises many types.
    except Exception:
        return 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    """A copy of a loaded image, set upright."""
    method = _TURNS.get(orientation)
    turned = image.copy() if method is None else image.transpose(method)
    # Copies forget the format, by which the range of mode I is known.
    turned.format = image.format
    return turned


def with_info(array: NDArray[Any], info: dict[str, Any]) -> Image.Image:
    """An array as an image that says more beside its pixels."""
    image = Image.fromarray(array)
    image.info.update(info)
    return image
