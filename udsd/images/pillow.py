"""Pillow as a reader: orientation, pages, modes, and what is carried over from the original."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, JpegImagePlugin

from udsd.errors import ImageError
from udsd.images.arrays import decode_array
from udsd.images.decoded import DecodedImage
from udsd.images.deep import DeepImage, Page
from udsd.images.deep_png import is_deep, orientation_of, read_deep
from udsd.images.depth import stored_bits
from udsd.images.formats import open_image
from udsd.images.headers import check_header
from udsd.images.jpeg import check_scans
from udsd.images.limits import check_held, check_pages, check_size
from udsd.images.metadata import read_info
from udsd.images.modes import CONVERTED_MODES, to_restorable, to_srgb, transparent_grey
from udsd.images.webp import is_lossless
from udsd.out_of_memory import is_out_of_memory

logger = logging.getLogger(__name__)

_ROUNDED = ("JPEG2000", "AVIF", "HEIF")
"""Formats of which Pillow reads 8 bits, whatever there are."""


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
        self._image = open_image(file)
        if self._image.format == "WEBP" and is_lossless(file):
            self._image.info["lossless"] = True
        check_size(self._image)
        self.size = self._image.size
        self.count = _count_pages(self._image) if count is None else count
        check_pages(self.count)

    def read(self, index: int) -> DecodedImage[Page]:
        """Decode a page, the first being 0."""
        image = self._image
        image.seek(index)
        check_size(image)
        # A frame may lie beyond the edges of a GIF, which grows with it.
        if index > 0 and image.format == "GIF":
            check_held(self.count * image.width * image.height)
        _check_not_empty(image)
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            check_scans(self._file, image.width * image.height)
        if index == 0 and image.format in _ROUNDED and image.mode[0] != "I":
            bits = stored_bits(self._file)
            if bits > 8:
                logger.warning("%s: of its %d bits per colour 8 are read", self._name, bits)
        if not is_deep(image):
            return decode_pillow(image, self._name)
        info = read_info(image, upright(image, self._name))
        try:
            pixels = self._read_deep(index)
        except ValueError as error:
            logger.warning("%s: of its 16 bits per colour 8 are read (%s)", self._name, error)
            return decode_pillow(image, self._name)
        return decode_deep(pixels, info)

    def check_all(self) -> None:
        """The frames of an animation are as large as the first, and are written together."""
        width, height = self.size
        check_held(self.count * width * height)

    def _read_deep(self, index: int) -> NDArray[np.uint16]:
        if index > 0:
            raise ValueError("the frames of an animation")
        return read_deep(self._file, orientation=orientation_of(self._image))

    def close(self) -> None:
        """Let go of what Pillow holds."""
        self._image.close()


def decode_pillow(image: Image.Image, name: str) -> DecodedImage[Image.Image]:
    """Decode a Pillow image, turned upright as its EXIF orientation says.

    Encoding gives L, LA, RGB or RGBA (with the alpha that came in) or, for 16-bit grey, I;16, with what
    `udsd.images.metadata` carries over. Of an image with several pages only the current one is decoded.

    Args:
        image: Any mode but F and I.
        name: What logged warnings call the image.

    Raises:
        ImageError: The image is empty, or of a mode without a fixed range.
        Exception: Whatever Pillow raises on a damaged image; `decode_image` turns it into an `ImageError`.
    """
    _check_not_empty(image)
    key = transparent_grey(image)
    turned = upright(image, name)
    if key is not None:
        turned.info["transparency"] = key
    info = read_info(image, turned)
    if turned.mode in CONVERTED_MODES:
        turned = to_srgb(turned, info.pop("icc_profile", None), name)
    return decode_array(np.asarray(to_restorable(turned))).then(lambda restored: with_info(restored, info))


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


def upright(image: Image.Image, name: str) -> Image.Image:
    """A copy, turned; ``info["exif"]`` no longer holds the orientation."""
    image.load()
    try:
        turned = ImageOps.exif_transpose(image)
        exif = turned.getexif()
        if "exif" in turned.info and ExifTags.Base.Orientation in exif:
            del exif[ExifTags.Base.Orientation]
            turned.info["exif"] = exif.tobytes()
    # Cameras and editors write broken EXIF, on which Pillow raises many types; the picture is still good.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        logger.warning("%s: EXIF cannot be read (%s) and is left out", name, error)
        turned = image.copy()
        turned.info.pop("exif", None)
    # Copies forget the format, by which the range of mode I is known.
    turned.format = image.format
    return turned


def with_info(array: NDArray[Any], info: dict[str, Any]) -> Image.Image:
    """An array as an image that says more beside its pixels."""
    image = Image.fromarray(array)
    image.info.update(info)
    return image
