"""Pillow as a writer, of every format: modes that a format does not hold are converted."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from udsd.images.deep import DeepImage, Page
from udsd.images.families import Destination, PageWriter
from udsd.images.formats import ImageFormat
from udsd.images.limits import check_held
from udsd.images.metadata import CARRIED_INFO, add_beside, save_arguments
from udsd.images.modes import over_white, to_eight_bits, to_restorable
from udsd.images.tiff_compression import compression_arguments

logger = logging.getLogger(__name__)

_CLEARED = 2
"""How GIF calls a frame that is taken away before the next is shown."""


def _write(pages: Iterable[Page], destination: Destination) -> None:
    image_format, quality = destination.image_format, destination.quality
    first, *others = _held(pages, image_format, destination.path)
    name = str(destination.path)
    arguments: dict[str, Any] = {**image_format.save_options, **save_arguments(image_format.name, first.info, name)}
    if image_format.name == "TIFF":
        arguments |= compression_arguments(first, quality)
    elif quality is not None:
        arguments = {key: value for key, value in arguments.items() if key not in ("qtables", "subsampling")}
        arguments["quality"] = quality
    elif "qtables" in arguments:
        del arguments["quality"]
    elif image_format.name == "WEBP" and first.info.get("lossless"):
        del arguments["quality"]
        arguments |= {"lossless": True, "exact": True}
    if others:
        first, *others = _rounded([first, *others], destination.path)
        first, others = _without_default_image(first, others, destination)
        arguments |= _animation_arguments(first, others, image_format)
    with destination.unfinished.open("xb") as file:
        first.save(file, format=image_format.name, **arguments)
    add_beside(destination.unfinished, image_format.name, [first.info], name)


def _rounded(frames: list[Image.Image], path: Path) -> list[Image.Image]:
    """Frames with 8 bits: of grey with 16 Pillow takes some that differ for the same, and leaves them out."""
    if all(frame.mode != "I;16" for frame in frames):
        return frames
    logger.warning("%s: the frames of an animation hold 8 bits per channel; the 16 of the image are rounded", path)
    return [_with_fitting_info(to_eight_bits(frame), frame) for frame in frames]


def _without_default_image(
    first: Image.Image, others: list[Image.Image], destination: Destination
) -> tuple[Image.Image, list[Image.Image]]:
    """The frames without a first image that is for programs that show no animation; only PNG has a place for it."""
    if not first.info.get("default_image") or destination.image_format.name == "PNG":
        return first, others
    logger.warning("%s: the image for programs that show no animation is left out", destination.path)
    return others[0], others[1:]


def _animation_arguments(first: Image.Image, others: list[Image.Image], image_format: ImageFormat) -> dict[str, Any]:
    """What Pillow is told of several frames, each of which is the whole picture."""
    arguments: dict[str, Any] = {"save_all": True, "append_images": others}
    frames = [first, *others]
    if image_format.name == "PNG" and first.info.get("default_image"):
        arguments["default_image"] = True
        frames = others
    durations = [frame.info.get("duration") for frame in frames]
    if any(duration is not None for duration in durations):
        # Of PNG they are fractions, which AVIF does not take.
        arguments["duration"] = [round(duration or 0) for duration in durations]
    # Where the next frame is transparent this one would stay to be seen.
    if image_format.name == "GIF" and any(frame.has_transparency_data for frame in frames):
        arguments["disposal"] = _CLEARED
    return arguments


def _held(pages: Iterable[Page], image_format: ImageFormat, path: Path) -> list[Image.Image]:
    """The pages, all in memory, as Pillow takes them: of a TIFF, say, they may be many."""
    held, pixel_count = [], 0
    for page in pages:
        held.append(_fitted(page, image_format, path))
        if len(held) > 1:
            pixel_count += held[-1].width * held[-1].height
            check_held(pixel_count)
    return held


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


PILLOW_WRITER = PageWriter(takes=lambda image_format, first, several: True, write=_write)
