"""Image files of an evaluation: reading, enlarging for OCR, contact sheets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image as PillowImage
from PIL import ImageOps

from udsd.errors import ImageError
from udsd.evaluation.metrics import Image
from udsd.images import decode_image, save_image, side_by_side
from udsd.images.levels import to_array

Captioned = tuple[str, Image]
"""A caption, of several lines if need be, and a uint8 image (H, W, 3)."""


def read_rgb(path: Path) -> Image:
    """Read an image file as uint8 RGB (H, W, 3); transparency is dropped.

    Raises:
        ImageError: The file is missing, damaged or no image.
    """
    return to_array(decode_image(path).pixels[0])


def enlarged_png(image: Image, factor: int, border: int) -> bytes:
    """A PNG of an image enlarged by Lanczos resampling, with a white border of ``border`` pixels."""
    picture = PillowImage.fromarray(image)
    picture = picture.resize((picture.width * factor, picture.height * factor), PillowImage.Resampling.LANCZOS)
    picture = ImageOps.expand(picture, border, fill="white")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def write_sheet(rows: Sequence[Sequence[Captioned]], path: Path) -> None:
    """Write rows of captioned images, all of one length, as one picture. Nothing is scaled or cropped.

    Raises:
        ImageError: There are no rows, or the file cannot be written.
    """
    if not rows:
        raise ImageError("a contact sheet without images; measure at least one pair first")
    cells = [cell for row in rows for cell in row]
    pictures = [PillowImage.fromarray(image) for _, image in cells]
    save_image(side_by_side(pictures, [caption for caption, _ in cells], columns=len(rows[0])), path)
