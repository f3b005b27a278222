"""Results of an evaluation: scores of every image, their means, and a table of the means."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from udsd.evaluation.contact_sheet import Captioned, write_sheet
from udsd.evaluation.metrics import Image

BLURRED = "blurred"
"""Name under which the blurred input is scored."""

SHARP = "sharp"
"""Name under which the sharp image is scored, as the output of a perfect method."""

Reference = Literal["text", "ocr"]
"""Source of the reference of a character error rate: given text, or OCR of the sharp image."""


@dataclass(frozen=True, slots=True)
class TextScores:
    """Readability of one image.

    Attributes:
        errors: Levenshtein distance to the reference, in characters.
        characters: Length of the reference, at least 1.
        reference: Its source.
    """

    errors: int
    characters: int
    reference: Reference

    @property
    def error_rate(self) -> float:
        """Errors per character of the reference."""
        return self.errors / self.characters


@dataclass(frozen=True, slots=True)
class ImageScores:
    """Scores of one method's output for one image.

    Attributes:
        name: The image.
        strength: Label of its blur.
        method: Its name, `BLURRED` or `SHARP`.
        psnr: dB, at most 100.
        shift_tolerant_psnr: dB at the best shift of up to 4 pixels, at most 100.
        ssim: Structural similarity, at most 1.
        color_error: Mean difference of the channels' means in grey levels (0 to 255).
        correlation: With the blurred input, in [-1, 1].
        inverted: The correlation is below zero: dark became light.
        collapsed: The standard deviation is below a tenth of the input's: the output is nearly flat.
        text: Readability; None without OCR, or where the sharp image shows no text.
        vgg_distance: Squared distance to the sharp image in VGG-19 features over that of the blurred input; None
            without VGG, or where the input's is zero.
    """

    name: str
    strength: str
    method: str
    psnr: float
    shift_tolerant_psnr: float
    ssim: float
    color_error: float
    correlation: float
    inverted: bool
    collapsed: bool
    text: TextScores | None = None
    vgg_distance: float | None = None


@dataclass(frozen=True, slots=True)
class MeanScores:
    """Scores of one method over many images: means, and for ``inverted`` and ``collapsed`` the number of images.

    Attributes:
        character_error_rate: All errors over all characters, so that each image counts by the length of its text.
        mean_character_error_rate: Mean of the images' rates, so that each image counts the same.
    """

    images: int
    psnr: float
    shift_tolerant_psnr: float
    ssim: float
    character_error_rate: float | None
    mean_character_error_rate: float | None
    vgg_distance: float | None
    color_error: float
    inverted: int
    collapsed: int

    @classmethod
    def over(cls, scores: Sequence[ImageScores]) -> MeanScores:
        """Summarise the scores of at least one image."""
        texts = [score.text for score in scores if score.text is not None]
        distances = [score.vgg_distance for score in scores if score.vgg_distance is not None]
        errors, characters = sum(text.errors for text in texts), sum(text.characters for text in texts)
        return cls(
            images=len(scores),
            psnr=fmean(score.psnr for score in scores),
            shift_tolerant_psnr=fmean(score.shift_tolerant_psnr for score in scores),
            ssim=fmean(score.ssim for score in scores),
            character_error_rate=errors / characters if texts else None,
            mean_character_error_rate=fmean(text.error_rate for text in texts) if texts else None,
            vgg_distance=fmean(distances) if distances else None,
            color_error=fmean(score.color_error for score in scores),
            inverted=sum(score.inverted for score in scores),
            collapsed=sum(score.collapsed for score in scores),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Images kept for the contact sheet.

    Attributes:
        scores: Of the blurred input and of each method, in the order of the columns.
        outputs: Blurred input and outputs, uint8 (H, W, 3), by method.
        sharp: The sharp image.
        gain: Shift-tolerant PSNR of the first method minus that of the blurred input, in dB.
    """

    scores: Sequence[ImageScores]
    outputs: Mapping[str, Image]
    sharp: Image
    gain: float


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationReport:
    """Scores of all images.

    Attributes:
        scores: One entry for each image and method, in the order of evaluation.
        examples: A few images, from the smallest to the largest gain of all.
    """

    scores: Sequence[ImageScores]
    examples: Sequence[Example]

    @property
    def strengths(self) -> list[str]:
        """Labels of the blur in natural order ("5-10" before "10-20")."""
        return sorted({score.strength for score in self.scores}, key=_natural_order)

    def mean_scores(self, strength: str | None = None) -> dict[str, MeanScores]:
        """Mean scores of each method, at one strength of blur or, without it, over all."""
        by_method: dict[str, list[ImageScores]] = {}
        for score in self.scores:
            if strength in (None, score.strength):
                by_method.setdefault(score.method, []).append(score)
        return {method: MeanScores.over(scores) for method, scores in by_method.items()}

    def to_json(self) -> str:
        """Mean scores overall and by strength, and the scores of every image, as a JSON object."""

        def means(strength: str | None = None) -> dict[str, Any]:
            return {method: asdict(scores) for method, scores in self.mean_scores(strength).items()}

        content = {
            "overall": means(),
            "by_strength": {strength: means(strength) for strength in self.strengths},
            "images": [asdict(score) for score in self.scores],
        }
        return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)

    def to_markdown(self) -> str:
        """Mean scores as a table, overall first and then by strength; columns without values are left out."""
        strengths = [None, *(self.strengths if len(self.strengths) > 1 else [])]
        rows = [
            (strength or "all", method, scores)
            for strength in strengths
            for method, scores in self.mean_scores(strength).items()
        ]
        table = means_table([(strength, method, asdict(scores)) for strength, method, scores in rows])
        return f"{table}\n{self._reference_note()}"

    def contact_sheet(self, path: Path) -> None:
        """Write the examples as one picture, in the format that the file's ending names.

        Each row shows the blurred input, each method's output and the sharp image; the gain rises from row to row.

        Raises:
            ImageError: Nothing was measured, or the file cannot be written.
        """
        write_sheet([_sheet_row(example) for example in self.examples], path)

    def _reference_note(self) -> str:
        kinds = {score.text.reference for score in self.scores if score.text is not None}
        sources = {"ocr": "OCR of the sharp image", "text": "the given text"}
        names = [source for kind, source in sources.items() if kind in kinds]
        return f"\nCharacter error rates (CER) are against {' or '.join(names)}.\n" if names else ""


def means_table(rows: Sequence[tuple[str, str, Mapping[str, Any]]]) -> str:
    """A table of Markdown, without columns that no row has a value for.

    Args:
        rows: Strength of the blur, method, and scores by the names of `MeanScores`; a missing one leaves an empty cell.
    """
    columns = [column for column in _COLUMNS if any(scores.get(column.name) is not None for *_, scores in rows)]
    lines = [["blur", "method", *(column.title for column in columns)], ["---", "---", *("---:" for _ in columns)]]
    lines += [
        [_cell(strength), _cell(method), *(column.text(scores) for column in columns)]
        for strength, method, scores in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    digits: int
    name: str

    def text(self, scores: Mapping[str, Any]) -> str:
        value = scores.get(self.name)
        return "" if value is None else f"{value:.{self.digits}f}"


_COLUMNS = (
    _Column("images", 0, "images"),
    _Column("PSNR, dB", 2, "psnr"),
    _Column("PSNR at best shift, dB", 2, "shift_tolerant_psnr"),
    _Column("SSIM", 3, "ssim"),
    _Column("CER", 3, "character_error_rate"),
    _Column("mean CER", 3, "mean_character_error_rate"),
    _Column("relative d_VGG", 3, "vgg_distance"),
    _Column("colour error of 255", 2, "color_error"),
    _Column("inverted", 0, "inverted"),
    _Column("collapsed", 0, "collapsed"),
)


def _sheet_row(example: Example) -> list[Captioned]:
    first = example.scores[0]
    title = f"{first.name}\nblur {first.strength}, gain {example.gain:+.2f} dB\n"
    cells = [
        (f"{score.method} {score.shift_tolerant_psnr:.2f} dB", example.outputs[score.method])
        for score in example.scores
    ]
    cells.append((SHARP, example.sharp))
    # The row's title is above its first image; the other captions start with two empty lines.
    return [(("\n\n" if column else title) + caption, image) for column, (caption, image) in enumerate(cells)]


def _natural_order(label: str) -> list[tuple[int, str]]:
    """Sorting key that compares runs of digits as numbers."""
    parts = re.findall(r"[0-9]+|[^0-9]+", label)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
