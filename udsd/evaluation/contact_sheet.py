"""Contact sheets: captioned images in rows, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image as PillowImage

from udsd.errors import ImageError
from udsd.evaluation.metrics import Image
from udsd.images import save_image, side_by_side

Captioned = tuple[str, Image]
"""A caption, of several lines if need be, and a uint8 image (H, W, 3)."""


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
