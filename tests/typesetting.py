"""Text to be read by OCR."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from udsd.evaluation.metrics import Image

needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")


def typeset(text: str, size: tuple[int, int]) -> Image:
    """Black text on white, uint8 RGB of (width, height)."""
    picture = PillowImage.new("RGB", size, "white")
    ImageDraw.Draw(picture).text((4, 4), text, fill="black", font=ImageFont.load_default(20))
    return np.array(picture)


WORDS = """the quick brown fox jumps over a lazy dog while seven wizards mix bright potions and vexed judges quiz them
on every page of printed text that comes out of focus when hands shake or paper moves under the lens""".split()  # noqa: SIM905


def typeset_page(letters: int, size: tuple[int, int], *, top: int = 0, seed: int = 0) -> Image:
    """Lines of words in letters of so many pixels, black on white, uint8 (height, width), from a row on."""
    random = np.random.default_rng(seed)
    font = ImageFont.load_default(letters)
    picture = PillowImage.new("L", size, "white")
    pen = ImageDraw.Draw(picture)
    for row in range(top + letters // 2, size[1], round(letters * 1.4)):
        line = " ".join(random.choice(WORDS, 400))
        pen.text((letters, row), line[: max(int(size[0] / letters * 1.7) - 4, 1)], fill="black", font=font)
    return np.array(picture)
