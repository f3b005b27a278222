"""What the page shows of files: pictures of a size and format that every browser takes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from udsd.domains.options import Box
from udsd.errors import ImageError
from udsd.files.kinds import open_source
from udsd.files.video import VideoSource
from udsd.images import ImagePages
from udsd.images.montage import as_rgb
from udsd.out_of_memory import memory_errors

_LARGEST_SIDE = 2400
"""Pixels. Letters of a page at 300 dpi can be read at that size."""

_QUALITY = 95
_LOSSLESS = 2_000_000
"""Pixels up to which a preview is a PNG, so that nothing is seen that the result has not."""

_DEEPEST = 100
"""Number of the last frame of a clip that may be shown, for those before it are decoded."""

_COLOUR = "#0f9d8a"
"""Of boxes, as the page's own."""


def previews(before: Path, after: Path, folder: Path) -> tuple[Path, Path]:
    """Write previews of one page of a file and of its result.

    It is the first, of a PDF the first image, of a clip a frame from its middle.

    Args:
        before: The file.
        after: The result, of the same kind.
        folder: Where the previews go.

    Raises:
        ImageError: A file cannot be read.
        MemoryLimitError: A page needs more memory than there is.
    """
    place = _place_in(before)
    shown = _page(before, place)
    if shown is None:
        place, shown = 0, _page(before, 0)
    restored = _page(after, place)
    if shown is None or restored is None:
        raise ImageError(f"{before.name}: has no page that could be shown")
    return _save(_reduced(shown), folder, "_before"), _save(_reduced(restored), folder, "_after")


def preview_with_boxes(path: Path, boxes: Sequence[Box], folder: Path, name: str) -> tuple[Path, float]:
    """Write a preview of a picture on which boxes are drawn, numbered from 1.

    Args:
        path: The file.
        boxes: In pixels of the file's picture.
        folder: Where the preview goes.
        name: Its name, without an ending.

    Returns:
        The preview, and its size as a part of the picture's.

    Raises:
        ImageError: The file cannot be read.
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


def _place_in(path: Path) -> int:
    """Of a clip the frame that is shown: its first ones may be dark."""
    with closing(open_source(path)) as source:
        return min(source.count // 2, _DEEPEST) if isinstance(source, VideoSource) else 0


def _page(path: Path, place: int) -> Image.Image | None:
    """A page of a file; None if there is none at that place."""
    with memory_errors(path.name), closing(open_source(path)) as source:
        if isinstance(source, VideoSource):
            source.begin_at(place)
        decoded = next(iter(source), None)
        return None if decoded is None else as_rgb(decoded.encode(decoded.pixels))


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
