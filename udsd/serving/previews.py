"""What the page shows of files: pictures of a size and format that every browser takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from udsd.domains.options import Box
from udsd.images import ImagePages
from udsd.images.montage import as_rgb

_LARGEST_SIDE = 2400
"""Pixels. Letters of a page at 300 dpi can be read at that size."""

_QUALITY = 95
_LOSSLESS = 2_000_000
"""Pixels up to which a preview is a PNG, so that nothing is seen that the result has not."""

_COLOUR = "#0f9d8a"
"""Of boxes, as the page's own."""


def preview(path: Path, folder: Path, name: str) -> Path:
    """Write a preview of the first page of an image file.

    Args:
        path: The file.
        folder: Where the preview goes.
        name: Its name, without an ending.

    Raises:
        ImageError: The file cannot be read.
    """
    return _save(_reduced(_first_page(path)), folder, name)


def preview_with_boxes(path: Path, boxes: Sequence[Box], folder: Path, name: str) -> tuple[Path, float]:
    """Write a preview on which boxes are drawn, numbered from 1; arguments and errors as of `preview`.

    Args:
        path: The file.
        boxes: In pixels of the file's picture.
        folder: Where the preview goes.
        name: Its name, without an ending.

    Returns:
        The preview, and its size as a part of the picture's.
    """
    page = _first_page(path)
    image = _reduced(page)
    scale = image.width / page.width
    draw = ImageDraw.Draw(image)
    line = max(2, round(max(image.size) / 300))
    font = ImageFont.load_default(8 * line)
    for number, (left, top, width, height) in enumerate(boxes, start=1):
        corners = [edge * scale for edge in (left, top, left + width, top + height)]
        draw.rectangle(corners, outline=_COLOUR, width=line)
        at = (corners[0] + 2 * line, corners[1] + line)
        right, bottom = draw.textbbox(at, str(number), font=font)[2:]
        draw.rectangle((corners[0], corners[1], right + 2 * line, bottom + line), fill=_COLOUR)
        draw.text(at, str(number), fill="white", font=font)
    return _save(image, folder, name), scale


def box_at(boxes: Sequence[Box], x: float, y: float) -> int | None:
    """The number, from 0, of the box that a place lies in: the smallest if there are several, None outside of all."""
    inside = [
        (width * height, number)
        for number, (left, top, width, height) in enumerate(boxes)
        if left <= x < left + width and top <= y < top + height
    ]
    return min(inside)[1] if inside else None


def _first_page(path: Path) -> Image.Image:
    with ImagePages(path) as pages:
        decoded = pages.read(0)
    return as_rgb(decoded.encode(decoded.pixels))


def _reduced(image: Image.Image) -> Image.Image:
    reduced = image.copy()
    reduced.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE), Image.Resampling.LANCZOS)
    return reduced


def _save(image: Image.Image, folder: Path, name: str) -> Path:
    lossless = image.width * image.height <= _LOSSLESS
    path = folder / f"{name}{'.png' if lossless else '.jpg'}"
    if lossless:
        image.save(path, compress_level=1)
    else:
        image.save(path, quality=_QUALITY, subsampling=0)
    return path
