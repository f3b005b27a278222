"""Pillow's modes: from the many that files come in to the five that are restored, and on to simpler ones."""

from __future__ import annotations

import io
import logging

import numpy as np
from PIL import Image, ImageCms

from udsd.errors import ImageError

logger = logging.getLogger(__name__)

CONVERTED_MODES = frozenset({"CMYK", "HSV", "LAB", "YCbCr"})
"""Colours that become RGB."""

_OPAQUE = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBX": "RGB"} | dict.fromkeys(CONVERTED_MODES, "RGB")
_TRANSPARENT = {"1": "LA", "L": "LA", "LA": "LA", "La": "LA", "P": "RGBA", "PA": "RGBA"} | {
    "RGB": "RGBA",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
}
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")
_SIXTEEN_BIT_FORMATS = ("PNG", "PPM")
"""These have no grey of more than 16 bits, so that the 32-bit mode I (older Pillow, PGM) holds 16 bits there."""


def to_restorable(image: Image.Image) -> Image.Image:
    """Convert to the nearest of L, LA, RGB, RGBA and I;16 without losing anything that can be shown.

    Raises:
        ImageError: The mode has no fixed range from black to white.
    """
    mode = image.mode
    if mode in _SIXTEEN_BIT or (mode == "I" and image.format in _SIXTEEN_BIT_FORMATS):
        grey = np.asarray(image).astype(np.uint16)
        key = image.info.get("transparency")
        if isinstance(key, int):
            logger.warning("Pillow holds no 16-bit grey with transparency; 8 bits of it are kept")
            levels = np.stack([np.rint(grey / 257), (grey != key) * 255], axis=-1)
            return Image.fromarray(levels.astype(np.uint8))
        return Image.fromarray(grey)
    target = (_TRANSPARENT if image.has_transparency_data else _OPAQUE).get(mode)
    if target is None:
        raise ImageError(
            f"Pillow mode {mode} has no fixed range from black to white; give a uint16 array, a float array in [0, 1] "
            "or an image of mode I;16, L or RGB"
        )
    return image if mode == target else image.convert(target)


def transparent_grey(image: Image.Image) -> int | None:
    """The transparent level of a grey PNG of 2 or 4 bits, which Pillow leaves as it is when it stretches the pixels.

    None for all others, and for an image that is loaded: it no longer says how many bits it has.
    """
    raw_modes = [tile[3] for tile in getattr(image, "tile", [])]
    key = image.info.get("transparency")
    stretch = {"L;2": 85, "L;4": 17}.get(raw_modes[0]) if raw_modes and isinstance(raw_modes[0], str) else None
    return key * stretch if image.format == "PNG" and isinstance(key, int) and stretch is not None else None


def to_srgb(image: Image.Image, profile: bytes | None, name: str) -> Image.Image:
    """Inks, by their profile, and LAB to sRGB; other modes, and inks without a profile, as Pillow converts them.

    Args:
        image: One of `CONVERTED_MODES`.
        profile: Its ICC profile.
        name: What a logged warning calls the image.
    """
    try:
        if image.mode == "LAB":
            source = ImageCms.createProfile("LAB")
        elif image.mode == "CMYK" and profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
        else:
            return image.convert("RGB")
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        logger.warning("%s: its colour profile cannot be used (%s); colours are approximate", name, error)
        return image.convert("RGB")
    if converted is None:
        raise ImageError("its colours cannot be converted")
    return converted


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Mode I;16 to L, rounded to nearest; other modes as they are."""
    if image.mode != "I;16":
        return image
    return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))


def over_white(image: Image.Image) -> Image.Image:
    """LA to L and RGBA to RGB, seen on white paper; other modes as they are."""
    if image.mode not in ("LA", "RGBA"):
        return image
    colours = image.convert(image.mode[:-1])
    paper = Image.new(colours.mode, image.size, "white")
    paper.paste(colours, mask=image.getchannel("A"))
    return paper
