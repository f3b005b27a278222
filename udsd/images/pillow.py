"""Pillow images: orientation, frames, modes, and what is carried over from the original."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from udsd.errors import ImageError
from udsd.images.arrays import decode_array
from udsd.images.decoded import DecodedImage
from udsd.images.modes import CONVERTED_MODES, to_restorable

CARRIED_INFO = ("icc_profile", "dpi", "exif")
"""Keys of `PIL.Image.Image.info` that go from the original to the restored image, and into its file."""

logger = logging.getLogger(__name__)


def decode_pillow(image: Image.Image, name: str) -> DecodedImage[Image.Image]:
    """Decode a Pillow image, turned upright as its EXIF orientation says.

    Encoding gives L, LA, RGB or RGBA (with the alpha that came in) or, for 16-bit grey, I;16. The ICC profile
    (where colours were not converted), the resolution and EXIF without the orientation are carried over. Of
    an image with several frames only the current one is decoded, and a warning is logged.

    Args:
        image: Any mode but F and I.
        name: What logged warnings call the image.

    Raises:
        ImageError: The image is empty, or of a mode without a fixed range.
        Exception: Whatever Pillow raises on a damaged image; `decode_image` turns it into an `ImageError`.
    """
    if 0 in image.size:
        raise ImageError(f"the image is empty ({image.width}x{image.height}); give one of at least 1x1 pixels")
    _warn_of_losses(image, name)
    upright = _upright(image, name)
    info = _carried_info(upright)
    restorable = to_restorable(upright)
    return decode_array(np.asarray(restorable)).then(lambda restored: _to_pillow(restored, info))


def _warn_of_losses(image: Image.Image, name: str) -> None:
    frames = getattr(image, "n_frames", 1)
    # The other pictures of an MPO, as telephones write it, are previews and depth maps.
    if frames > 1 and image.format != "MPO":
        logger.warning("%s: has %d frames; only one is restored, the others are left out", name, frames)
    raw_modes = str([tile[3] for tile in getattr(image, "tile", [])])
    if ";16" in raw_modes and image.mode[0] != "I":
        logger.warning("%s: has 16 bits per colour; 8 are read (grey keeps its 16)", name)


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


def _carried_info(image: Image.Image) -> dict[str, Any]:
    info = {key: image.info[key] for key in CARRIED_INFO if image.info.get(key)}
    if image.mode in CONVERTED_MODES:
        info.pop("icc_profile", None)
    if "dpi" in info:
        dpi = _plain_dpi(info.pop("dpi"))
        if dpi:
            info["dpi"] = dpi
    return info


def _plain_dpi(dpi: Any) -> tuple[float, float] | None:
    """Resolutions as floats, or None where a file gives nonsense that no other format could hold."""
    try:
        across, down = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    sound = all(math.isfinite(value) and 1 <= value <= 65535 for value in (across, down))
    return (across, down) if sound else None


def _to_pillow(array: NDArray[Any], info: dict[str, Any]) -> Image.Image:
    image = Image.fromarray(array)
    image.info.update(info)
    return image
