"""Readability of text, by the errors of an OCR program."""

from __future__ import annotations

import io
import os
import shutil
import subprocess

from PIL import Image as PillowImage
from PIL import ImageOps

from udsd.errors import ConfigError
from udsd.evaluation.metrics import Image
from udsd.extras import require

_COMMAND = "tesseract"
_ENLARGEMENT = 2
_BORDER = 20
_INSTALL = "install it with its English data (Debian and Ubuntu: apt-get install tesseract-ocr; macOS: brew install "
_INSTALL += "tesseract; Windows: winget install UB-Mannheim.TesseractOCR) or measure without OCR"


def character_errors(recognised: str, reference: str) -> int:
    """Levenshtein distance of two texts: inserted, deleted and substituted characters. See `normalise_text`.

    Raises:
        ConfigError: rapidfuzz is not installed.
    """
    distance = require("rapidfuzz.distance", "rapidfuzz", "evaluate").Levenshtein.distance
    return int(distance(normalise_text(recognised), normalise_text(reference)))


def character_error_rate(recognised: str, reference: str) -> float:
    """Character errors per character of the reference: 0 is perfect, and 1 can be exceeded by added text.

    Raises:
        ConfigError: The reference has no characters, or rapidfuzz is not installed.
    """
    characters = len(normalise_text(reference))
    if characters == 0:
        raise ConfigError("the reference text is empty, so there is no error rate; give a text with characters")
    return character_errors(recognised, reference) / characters


def normalise_text(text: str) -> str:
    """Replace each run of white space by one space, and remove it at both ends."""
    return " ".join(text.split())


def recognise_text(image: Image) -> str:
    """Read the text of a uint8 image (H, W, 3) or (H, W) with tesseract, as one block of English lines.

    The image is enlarged twofold (tesseract expects about 300 dpi) and gets a white border of 20 pixels, without which
    letters at the very edge are lost. One thread is used: on such small images several are slower.

    Raises:
        ConfigError: tesseract or its English data is not installed.
    """
    require_tesseract()
    result = subprocess.run(  # noqa: S603 (fixed arguments; the image is data)
        [_COMMAND, "stdin", "stdout", "--psm", "6", "-l", "eng"],
        input=enlarged_png(image, _ENLARGEMENT, _BORDER),
        capture_output=True,
        check=False,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )
    if result.returncode:
        reason = " ".join(result.stderr.decode(errors="replace").split())
        raise ConfigError(f"{_COMMAND} failed ({reason}); {_INSTALL}")
    return result.stdout.decode(errors="replace")


def enlarged_png(image: Image, factor: int, border: int) -> bytes:
    """A PNG of an image enlarged by Lanczos resampling, with a white border of ``border`` pixels."""
    picture = PillowImage.fromarray(image)
    picture = picture.resize((picture.width * factor, picture.height * factor), PillowImage.Resampling.LANCZOS)
    picture = ImageOps.expand(picture, border, fill="white")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def require_tesseract() -> None:
    """Check that tesseract can be run, before any work that needs it.

    Raises:
        ConfigError: It is not installed.
    """
    if shutil.which(_COMMAND) is None:
        raise ConfigError(f"the command {_COMMAND} was not found; {_INSTALL}")
