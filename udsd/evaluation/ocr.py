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
_INSTALL_LANGUAGE = (
    "install its data of that language (Debian and Ubuntu: apt-get install tesseract-ocr-{package}; macOS: "
)
_INSTALL_LANGUAGE += "brew install tesseract-lang; Windows: its installer lists them) or measure without OCR"

ENGLISH = "eng"
_UNSPACED = ("chi", "jpn", "tha")
"""Begin the names of languages that are written without spaces; tesseract puts some between their characters."""


def character_errors(recognised: str, reference: str, language: str = ENGLISH) -> int:
    """Levenshtein distance of two texts: inserted, deleted and substituted characters. See `normalise_text`.

    Raises:
        ConfigError: rapidfuzz is not installed.
    """
    distance = require("rapidfuzz.distance", "rapidfuzz", "evaluate").Levenshtein.distance
    return int(distance(normalise_text(recognised, language), normalise_text(reference, language)))


def character_error_rate(recognised: str, reference: str, language: str = ENGLISH) -> float:
    """Character errors per character of the reference: 0 is perfect, and 1 can be exceeded by added text.

    Raises:
        ConfigError: The reference has no characters, or rapidfuzz is not installed.
    """
    characters = len(normalise_text(reference, language))
    if characters == 0:
        raise ConfigError("the reference text is empty, so there is no error rate; give a text with characters")
    return character_errors(recognised, reference, language) / characters


def normalise_text(text: str, language: str = ENGLISH) -> str:
    """Replace each run of white space by one space, and none at both ends; by nothing in Chinese, Japanese and Thai."""
    return ("" if language.startswith(_UNSPACED) else " ").join(text.split())


def recognise_text(image: Image, language: str = ENGLISH) -> str:
    """Read the text of a uint8 image (H, W, 3) or (H, W) with tesseract, as one block of lines.

    The image is enlarged twofold (tesseract expects about 300 dpi) and gets a white border of 20 pixels, without which
    letters at the very edge are lost. One thread is used: on such small images several are slower.

    Args:
        image: The image.
        language: Of the text, as tesseract names it: ``"eng"``, ``"rus"``, ``"chi_sim"``.

    Raises:
        ConfigError: tesseract or its data of the language is not installed.
    """
    require_tesseract()
    result = subprocess.run(  # noqa: S603 (fixed arguments; the image is data)
        [_COMMAND, "stdin", "stdout", "--psm", "6", "-l", language],
        input=enlarged_png(image, _ENLARGEMENT, _BORDER),
        capture_output=True,
        check=False,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )
    if result.returncode:
        reason = " ".join(result.stderr.decode(errors="replace").split())
        package = language.replace("_", "-")
        cure = _INSTALL if language == ENGLISH else _INSTALL_LANGUAGE.format(package=package)
        raise ConfigError(f"{_COMMAND} failed ({reason}); {cure}")
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
