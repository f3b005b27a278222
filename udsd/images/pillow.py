"""Pillow images: orientation, frames, modes, and what is carried over from the original."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from udsd.errors import ImageError
from udsd.images.arrays import decode_array
from udsd.images.decoded import DecodedImage
from udsd.images.deep import DeepImage, Page, is_deep, orientation_of, read_deep
from udsd.images.metadata import read_info
from udsd.images.modes import CONVERTED_MODES, to_restorable, to_srgb

logger = logging.getLogger(__name__)


def decode_pillow(image: Image.Image, name: str) -> DecodedImage[Image.Image]:
    """Decode a Pillow image, turned upright as its EXIF orientation says.

    Encoding gives L, LA, RGB or RGBA (with the alpha that came in) or, for 16-bit grey, I;16, with what
    `udsd.images.metadata` carries over. Of an image with several frames only the current one is decoded.

    Args:
        image: Any mode but F and I.
        name: What logged warnings call the image.

    Raises:
        ImageError: The image is empty, or of a mode without a fixed range.
        Exception: Whatever Pillow raises on a damaged image; `decode_image` turns it into an `ImageError`.
    """
    _check_not_empty(image)
    upright = _upright(image, name)
    info = read_info(image, upright)
    if upright.mode in CONVERTED_MODES:
        upright = to_srgb(upright, info.pop("icc_profile", None), name)
    return decode_array(np.asarray(to_restorable(upright))).then(lambda restored: _to_pillow(restored, info))


def decode_page(image: Image.Image, path: Path, index: int) -> DecodedImage[Page]:
    """Decode the current page of an opened file, colours of 16 bits in full.

    Args:
        image: The file as Pillow opened it, at that page.
        path: The file.
        index: Number of the page.
    """
    _check_not_empty(image)
    if not is_deep(image):
        return decode_pillow(image, str(path))
    try:
        pixels = read_deep(path, index, is_grey=image.mode == "LA", orientation=orientation_of(image))
    except ValueError as error:
        logger.warning("%s: of its 16 bits per colour 8 are read (%s)", path, error)
        return decode_pillow(image, str(path))
    # Pillow reads the page too: unlike OpenCV it complains of one that is cut off.
    info = read_info(image, _upright(image, str(path)))
    # Grey with alpha becomes colours: no writer knows it in 16 bits.
    colours = [0, 0, 0, 1] if pixels.shape[2] == 2 else [0, 1, 2, 3][: pixels.shape[2]]
    return decode_array(pixels).then(lambda restored: DeepImage(restored[..., colours], info))


def count_pages(image: Image.Image) -> int:
    """Pages or frames of an opened file. The other pictures of an MPO, as telephones write it, are no pages."""
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def _check_not_empty(image: Image.Image) -> None:
    if 0 in image.size:
        raise ImageError(f"the image is empty ({image.width}x{image.height}); give one of at least 1x1 pixels")


def _upright(image: Image.Image, name: str) -> Image.Image:
    """A copy, turned; ``info["exif"]`` no longer holds the orientation."""
    image.load()
    try:
        upright = ImageOps.exif_transpose(image)
        exif = upright.getexif()
        if "exif" in upright.info and ExifTags.Base.Orientation in exif:
            del exif[ExifTags.Base.Orientation]
            upright.info["exif"] = exif.tobytes()
    # Cameras and editors write broken EXIF, on which Pillow raises many types; the picture is still good.
    except Exception as error:
        logger.warning("%s: EXIF cannot be read (%s) and is left out", name, error)
        upright = image.copy()
        upright.info.pop("exif", None)
    # Copies forget the format, by which the range of mode I is known.
    upright.format = image.format
    return upright


def _to_pillow(array: NDArray[Any], info: dict[str, Any]) -> Image.Image:
    image = Image.fromarray(array)
    image.info.update(info)
    return image
