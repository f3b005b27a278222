"""Pictures of pictures: before and after, and the sample sheets of training."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from udsd.errors import ImageError
from udsd.images.deep import DeepImage, Page
from udsd.images.modes import over_white, to_eight_bits, to_restorable

_FONT_SIZES = (11, 48)
_LINES_PER_IMAGE = 16
_LETTERS_PER_IMAGE = 40
_LETTERS_PER_SHEET = 100
"""Captions grow with the height or width of images, and with the width of the sheet as far as they fit above the
images, so that they can be read when a large picture is shown small."""

_HEIGHT_OF_LETTER = 1.6
"""Size of a font by the mean width of its letters."""

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def side_by_side(images: Sequence[Page], captions: Sequence[str], *, columns: int | None = None) -> Image.Image:
    """Put images beside each other on white, each under its caption.

    Args:
        images: At least one, of any sizes; any Pillow mode but F and I, or colours of 16 bits.
        captions: One for each image, in Latin letters (Pillow's default font has no others); empty for none.
        columns: Images in a row. Without it they stand in one row, or below each other if all are at least
            twice as wide as high.

    Returns:
        An RGB image. All columns are as wide as the widest image or caption, and all rows as high as the
        highest, so that nothing is scaled or cut.

    Raises:
        ImageError: There is no image, or the numbers of images and captions differ.
    """
    if not images or len(images) != len(captions):
        raise ImageError(f"{len(images)} images and {len(captions)} captions; give at least one image, a caption each")
    shown = [as_rgb(image) for image in images]
    if columns is None:
        stacked = all(image.width >= 2 * image.height for image in shown)
        columns = 1 if stacked else len(shown)
    widest, longest = max(image.width for image in shown), max(1, *map(len, captions))
    by_height = max(image.height for image in shown) // _LINES_PER_IMAGE
    by_width = widest // _LETTERS_PER_IMAGE
    by_sheet = min(columns * widest // _LETTERS_PER_SHEET, int(_HEIGHT_OF_LETTER * widest / longest))
    font_size = min(max(by_height, by_width, by_sheet, _FONT_SIZES[0]), _FONT_SIZES[1])
    cells = _captioned(shown, captions, ImageFont.load_default(font_size))
    return _sheet(cells, columns, gap=font_size // 2)


def as_rgb(image: Page) -> Image.Image:
    """An image as a screen shows it: 8 bits, transparent parts white. Any Pillow mode but F and I."""
    if isinstance(image, DeepImage):
        image = image.to_pillow()
    return over_white(to_eight_bits(to_restorable(image))).convert("RGB")


def _captioned(images: Sequence[Image.Image], captions: Sequence[str], font: _Font) -> list[Image.Image]:
    """The images, each under its caption, all in the size of the largest."""
    ruler = ImageDraw.Draw(images[0])
    text_sizes = [ruler.textbbox((0, 0), caption, font=font)[2:] for caption in captions]
    text_height = max(math.ceil(height) for _, height in text_sizes)
    top = text_height + text_height // 2
    width = max(math.ceil(max(image.width, text[0])) for image, text in zip(images, text_sizes, strict=True))
    height = top + max(image.height for image in images)
    cells = []
    for image, caption in zip(images, captions, strict=True):
        cell = Image.new("RGB", (width, height), "white")
        ImageDraw.Draw(cell).text((0, 0), caption, fill="black", font=font)
        cell.paste(image, (0, top))
        cells.append(cell)
    return cells


def _sheet(cells: Sequence[Image.Image], columns: int, gap: int) -> Image.Image:
    """Cells of one size, row by row, with a gap between them and around."""
    columns = min(columns, len(cells))
    rows = math.ceil(len(cells) / columns)
    step_right, step_down = cells[0].width + gap, cells[0].height + gap
    sheet = Image.new("RGB", (gap + columns * step_right, gap + rows * step_down), "white")
    for index, cell in enumerate(cells):
        row, column = divmod(index, columns)
        sheet.paste(cell, (gap + column * step_right, gap + row * step_down))
    return sheet
