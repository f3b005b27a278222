"""Writing image files, whole or not at all."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

from PIL import Image

from udsd.errors import ImageError
from udsd.images.formats import ImageFormat, format_for
from udsd.images.modes import over_white, to_eight_bits, to_restorable
from udsd.images.pillow import CARRIED_INFO

logger = logging.getLogger(__name__)


def save_image(image: Image.Image, path: Path, *, overwrite: bool = True) -> None:
    """Write an image in the format that the file name's ending names.

    The file appears whole or not at all. Missing folders are made. JPEG is written at quality 95 without
    chroma subsampling. ICC profile, resolution and EXIF in ``image.info`` go into formats that take them. What
    a format cannot hold is converted with a logged warning: transparency is flattened over white, 16 bits
    become 8. GIF reduces colours to 256.

    Args:
        image: Any mode but F and I.
        path: The file. A link is replaced, not followed.
        overwrite: If false, a file that exists is an error.

    Raises:
        ImageError: The ending is unknown, the file exists and may not be replaced, or it cannot be written.
    """
    image_format = format_for(path)
    # The right ending, because Pillow tells JPEG 2000's two containers apart by it.
    temporary = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        _check_replaceable(path, overwrite)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(_fitted(image, image_format, path), image_format, temporary)
        temporary.replace(path)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    # Besides OSError, Pillow's encoders raise ValueError, struct.error, RuntimeError... on odd sizes or EXIF.
    except Exception as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{path}: cannot be written ({reason}); check the folder, the disk and the format") from error
    finally:
        _remove(temporary)


def _check_replaceable(path: Path, overwrite: bool) -> None:
    if path.is_dir():
        raise ImageError("is a folder; give a file name")
    if not overwrite and path.exists():
        raise ImageError("exists already; give another name or allow overwriting")


def _write(image: Image.Image, image_format: ImageFormat, path: Path) -> None:
    carried = {key: image.info[key] for key in CARRIED_INFO if key in image.info}
    with path.open("xb") as file:
        image.save(file, format=image_format.name, **carried, **image_format.save_options)


def _remove(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except OSError as error:
        # Nothing was made where even the folder could not be; the first error tells more.
        logger.debug("%s: cannot be removed (%s)", temporary, error)


def _fitted(image: Image.Image, image_format: ImageFormat, path: Path) -> Image.Image:
    """The image in a mode that the format holds."""
    modes = image_format.modes
    if image.mode in modes:
        return image
    fitted = to_restorable(image)
    if fitted.mode == "I;16" and "I;16" not in modes:
        logger.warning("%s: %s holds 8 bits per channel; the 16 of the image are rounded", path, image_format.name)
        fitted = to_eight_bits(fitted)
    if fitted.mode in ("LA", "RGBA") and "RGBA" not in modes:
        logger.warning("%s: %s holds no transparency; the image is put on white", path, image_format.name)
        fitted = over_white(fitted)
    if fitted.mode not in modes:
        fitted = fitted.convert("RGBA" if fitted.mode == "LA" else "RGB")
    return _with_fitting_info(fitted, image)


def _with_fitting_info(fitted: Image.Image, image: Image.Image) -> Image.Image:
    fitted.info = {key: image.info[key] for key in CARRIED_INFO if key in image.info}
    # A profile describes grey or colour or ink, and is wrong for another of them.
    if _colour_family(fitted.mode) != _colour_family(image.mode):
        fitted.info.pop("icc_profile", None)
    return fitted


def _colour_family(mode: str) -> str:
    return Image.getmodebase(mode) if mode != "CMYK" else mode
