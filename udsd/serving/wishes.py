"""What visitors enter, as the library's options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from udsd.domains import DeblurOptions
from udsd.domains.options import Box
from udsd.errors import ConfigError
from udsd.serving.requests import Wishes

BOXES = "boxes"
"""Of the faces that are restored: those in boxes that the visitor gives."""

_WORDS = ("auto", "off")
"""Scales that are no numbers."""


def read_wishes(
    files: int,
    strength: float,
    scale: str,
    faces: str,
    boxes: str,
    background: str,
    best: bool,
    file_format: str,
    quality: float | None,
) -> Wishes:
    """What a visitor wants, from what was entered.

    Args:
        files: How many files there are.
        strength: Of the change, from 0 to 1.
        scale: ``"auto"``, ``"off"`` or a number as text.
        faces: ``"auto"``, ``"center"``, ``"off"`` or ``"boxes"``.
        boxes: Boxes of faces, one in a line; they count where ``faces`` is ``"boxes"``.
        background: ``"restore"`` or ``"keep"``.
        best: Whether quality is worth several times the time.
        file_format: Ending of the results; empty for that of each file.
        quality: Of formats that lose something; None or 0 for that of the file.

    Raises:
        ConfigError: A value is out of range, or there are boxes and several files.
    """
    chosen: Any = faces
    if faces == BOXES:
        if files > 1:
            raise ConfigError(f"boxes are those of one picture, and there are {files}; bring one, or have faces found")
        chosen = read_box_lines(boxes)
        if not chosen:
            raise ConfigError("there are no boxes; have faces found first, or give boxes: left, top, width, height")
    options = DeblurOptions(
        scale=scale if scale in _WORDS else _number(scale),  # type: ignore[arg-type]  # what is wrong is refused there
        faces=chosen,
        background=background,  # type: ignore[arg-type]
        strength=strength,
        quality="best" if best else "normal",
    )
    return Wishes(options, file_format or None, int(quality) if quality else None)


def read_box_lines(text: str) -> list[Box]:
    """Boxes, one in a line: left, top, width and height in pixels, with commas or spaces between them.

    Raises:
        ConfigError: A line is none.
    """
    boxes: list[Box] = []
    for line in text.splitlines():
        numbers = [_number(word) for word in line.replace(",", " ").split()]
        if not numbers:
            continue
        if len(numbers) != 4 or not all(isinstance(number, float) for number in numbers):
            raise ConfigError(
                f"{line!r} is no box; give left, top, width and height in pixels, such as 310, 120, 80, 80"
            )
        left, top, width, height = numbers
        boxes.append((left, top, width, height))
    return boxes


def write_box_lines(boxes: Sequence[Box]) -> str:
    """Boxes as `read_box_lines` reads them, in tenths of pixels."""
    return "\n".join(", ".join(f"{number:.1f}" for number in box) for box in boxes)


def _number(text: str) -> Any:
    """The number, or the text itself if it is none, which is refused like any other that is out of range."""
    try:
        return float(text)
    except ValueError:
        return text
