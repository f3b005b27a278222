"""Pairs of a sharp image and its blurred version, and pairs from two folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from udsd.arguments import some_path
from udsd.errors import ImageError
from udsd.evaluation.metrics import Image, check_alike
from udsd.evaluation.ocr import ENGLISH
from udsd.evaluation.sharp_images import read_rgb_if_possible
from udsd.images import find_images

_STRENGTH = "as given"


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationPair:
    """A sharp image and its blurred version.

    Attributes:
        name: Name of the image.
        sharp: uint8 RGB (H, W, 3).
        blurred: The same shape.
        strength: Label of the blur, such as "10-20" for a range of path lengths; scores are averaged by it.
        text: The text in the image, if known. Without it the OCR of the sharp image is the reference, so that the OCR
            program's own mistakes do not count.
        language: Of the text, as tesseract names it.
        kernel: float32 (K, K), K odd, summing to 1: what the sharp image was blurred with, if known. It is for methods
            that are told the blur, as a bound for those that are not.
    """

    name: str
    sharp: Image
    blurred: Image
    strength: str
    text: str | None = None
    language: str = ENGLISH
    kernel: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        try:
            check_alike(self.sharp, self.blurred)
        except ImageError as error:
            raise ImageError(f"{self.name}: {error}") from error
        if self.sharp.ndim != 3 or self.sharp.shape[2] != 3:
            raise ImageError(f"{self.name}: shape is {self.sharp.shape}; give RGB images (H, W, 3)")


def folder_pairs(blurred: str | os.PathLike[str], sharp: str | os.PathLike[str]) -> Iterator[EvaluationPair]:
    """Pair the images of two folders by their name and their path below the folder.

    Suffixes may differ: ``blurred/a/1.jpg`` belongs to ``sharp/a/1.png``. Images are read one pair at a time; a pair of
    which one cannot be read is logged and left out.

    Raises:
        ImageError: A folder is missing, holds two images of one name, or an image of either has no partner (raised
            at once), or an image has another size than its partner (raised at that pair).
    """
    blurred, sharp = some_path("blurred", blurred), some_path("sharp", sharp)
    blurred_files, sharp_files = _by_name(blurred), _by_name(sharp)
    lonely = sorted(blurred_files.keys() ^ sharp_files.keys())
    if lonely:
        name = lonely[0]
        file, other = (blurred_files[name], sharp) if name in blurred_files else (sharp_files[name], blurred)
        raise ImageError(
            f"{file} has no partner in {other} ({len(lonely)} such images); give both images of a pair the same name"
        )
    return _pairs((name, blurred_files[name], sharp_files[name]) for name in sorted(sharp_files))


def _pairs(files: Iterable[tuple[str, Path, Path]]) -> Iterator[EvaluationPair]:
    for name, blurred_file, sharp_file in files:
        sharp, blurred = read_rgb_if_possible(sharp_file), read_rgb_if_possible(blurred_file)
        if sharp is not None and blurred is not None:
            yield EvaluationPair(name, sharp, blurred, strength=_STRENGTH)


def _by_name(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in find_images(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in files:
            raise ImageError(f"{files[name]} and {path} have one name; give each image of {folder} its own")
        files[name] = path
    return files
