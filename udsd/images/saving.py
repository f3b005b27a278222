"""Writing image files, whole or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from PIL import Image

from udsd.atomic import whole_file
from udsd.errors import ConfigError, ImageError, UdsdError
from udsd.images.deep import DeepImage, Page, encode_png
from udsd.images.formats import ImageFormat, format_for
from udsd.images.metadata import CARRIED_INFO, save_arguments
from udsd.images.modes import over_white, to_eight_bits, to_restorable
from udsd.images.tiff import write_tiff

logger = logging.getLogger(__name__)


def save_image(image: Page, path: Path, *, overwrite: bool = True, quality: int | None = None) -> None:
    """Write an image in the format that the file name's ending names.

    The file appears whole or not at all. Missing folders are made. Resolution, ICC profile, EXIF, XMP and text in
    ``image.info`` go into formats that take them. JPEG is written with the quantisation and chroma subsampling of the
    JPEG that the image came from, else at quality 95 without subsampling. What a format cannot hold is converted with a
    logged warning: transparency is flattened over white, 16 bits become 8. GIF reduces colours to 256.

    Args:
        image: A Pillow image of any mode but F and I, or a colour image of 16 bits.
        path: The file. A link is replaced, not followed.
        overwrite: If false, a file that exists is an error.
        quality: 1 to 100, for formats that lose something, instead of the above.

    Raises:
        ConfigError: The quality is not from 1 to 100.
        ImageError: The ending is unknown, the file exists and may not be replaced, or it cannot be written.
    """
    save_pages([image], path, overwrite=overwrite, quality=quality)


def save_pages(pages: Iterable[Page], path: Path, *, overwrite: bool = True, quality: int | None = None) -> None:
    """Write several pages or frames as one file, as `save_image` does for one.

    TIFF pages are written as they come; the frames of GIF, PNG, WebP and AVIF are kept until the last. Of other formats
    only the first page is written, with a logged warning.

    Raises:
        ConfigError: The quality is not from 1 to 100.
        ImageError: As of `save_image`, or there are no pages.
        UdsdError: Whatever is raised where the pages come from.
    """
    check_quality(quality)
    image_format = format_for(path)
    remaining = _marked(pages)
    try:
        first = next(remaining, None)
    except _PageError as error:
        raise error.reason from error
    if first is None:
        raise ImageError(f"{path}: there is nothing to write; give at least one image")
    _write_aside(path, overwrite, lambda aside: _write_pages(first, remaining, image_format, path, aside, quality))


def check_quality(quality: int | None) -> None:
    """Make sure that a quality is one.

    Raises:
        ConfigError: It is not from 1 to 100, nor None.
    """
    if quality is not None and not 1 <= quality <= 100:
        raise ConfigError(f"quality is {quality}; give a whole number from 1 to 100")


class _PageError(Exception):
    """What went wrong before a page was there to be written."""

    def __init__(self, reason: UdsdError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _marked(pages: Iterable[Page]) -> Iterator[Page]:
    try:
        yield from pages
    except UdsdError as error:
        raise _PageError(error) from error


def _write_aside(path: Path, overwrite: bool, write: Callable[[Path], None]) -> None:
    """Have a file written under another name, then give it its own."""
    try:
        _check_replaceable(path, overwrite)
        with whole_file(path) as unfinished:
            write(unfinished)
    except _PageError as error:
        raise error.reason from error
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    # Besides OSError, Pillow's encoders raise ValueError, struct.error, RuntimeError... on odd sizes or EXIF.
    except Exception as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ImageError(f"{path}: cannot be written ({reason}); check the folder, the disk and the format") from error


def _check_replaceable(path: Path, overwrite: bool) -> None:
    if path.is_dir():
        raise ImageError("is a folder; give a file name")
    if not overwrite and path.exists():
        raise ImageError("exists already; give another name or allow overwriting")


def _write_pages(
    first: Page, others: Iterator[Page], image_format: ImageFormat, path: Path, aside: Path, quality: int | None
) -> None:
    second = next(others, None)
    if second is not None and not image_format.pages:
        logger.warning("%s: %s holds one image only; the others are left out", path, image_format.name)
        second = None
    if image_format.name == "TIFF" and (second is not None or isinstance(first, DeepImage)):
        pages = chain([first], [] if second is None else [second], [] if second is None else others)
        write_tiff((page if isinstance(page, DeepImage) else to_restorable(page) for page in pages), aside)
    elif isinstance(first, DeepImage) and image_format.name == "PNG" and second is None:
        aside.write_bytes(encode_png(first))
    else:
        frames = [first] if second is None else [first, second, *others]
        _write_frames([_fitted(frame, image_format, path) for frame in frames], image_format, aside, quality)


def _write_frames(frames: list[Image.Image], image_format: ImageFormat, path: Path, quality: int | None) -> None:
    first = frames[0]
    arguments: dict[str, Any] = {**image_format.save_options, **save_arguments(image_format.name, first.info)}
    if quality is not None:
        arguments = {key: value for key, value in arguments.items() if key not in ("qtables", "subsampling")}
        arguments["quality"] = quality
    elif "qtables" in arguments:
        del arguments["quality"]
    if len(frames) > 1:
        arguments |= {"save_all": True, "append_images": frames[1:]}
        if "duration" in arguments:
            arguments["duration"] = [frame.info.get("duration", arguments["duration"]) for frame in frames]
    with path.open("xb") as file:
        first.save(file, format=image_format.name, **arguments)


def _fitted(image: Page, image_format: ImageFormat, path: Path) -> Image.Image:
    """The image in a mode that the format holds."""
    modes = image_format.modes
    if isinstance(image, DeepImage):
        logger.warning("%s: 8 bits per channel are written; the 16 of the image are rounded", path)
        image = image.to_pillow()
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
        fitted.info.pop("jpeg", None)
    return fitted


def _colour_family(mode: str) -> str:
    return Image.getmodebase(mode) if mode != "CMYK" else mode
