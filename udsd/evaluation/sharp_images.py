"""Sharp images to be blurred and restored."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from udsd.errors import ImageError, MemoryLimitError
from udsd.evaluation.metrics import Image
from udsd.evaluation.ocr import ENGLISH
from udsd.images import decode_image
from udsd.images.levels import to_array

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class SharpImage:
    """A sharp image to be measured on.

    Attributes:
        name: The name of its file; for a text strip the stem of its page's and its first row.
        image: uint8 RGB (H, W, 3).
        text: The text in it, if known.
        language: Of its text, as tesseract names it.
    """

    name: str
    image: Image
    text: str | None = None
    language: str = ENGLISH


def whole_images(paths: Sequence[str | os.PathLike[str]]) -> Iterator[SharpImage]:
    """Read images one after the other, each under its file's name. What cannot be read is logged and left out."""
    for path in map(Path, paths):
        image = read_rgb_if_possible(path)
        if image is not None:
            yield SharpImage(path.name, image)


def read_rgb_if_possible(path: Path) -> Image | None:
    """What `read_rgb` gives; None, and a logged warning, for what cannot be read."""
    try:
        return read_rgb(path)
    except (ImageError, MemoryLimitError) as error:
        logger.warning("left out: %s", error)
        return None


def read_rgb(path: Path) -> Image:
    """Read an image file as uint8 RGB (H, W, 3); transparency is dropped.

    Raises:
        ImageError: The file is missing, damaged or no image.
    """
    return to_array(decode_image(path).pixels[0])
