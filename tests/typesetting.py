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
