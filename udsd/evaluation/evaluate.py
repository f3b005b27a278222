"""Score deblurring methods on pairs of sharp and blurred images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from udsd.errors import ConfigError, ImageError
from udsd.evaluation.metrics import (
    Image,
    check_alike,
    correlation,
    mean_color_error,
    psnr,
    shift_tolerant_psnr,
    ssim,
)
from udsd.evaluation.ocr import character_errors, normalise_text, recognise_text, require_tesseract
from udsd.evaluation.pairs import EvaluationPair
from udsd.evaluation.perceptual import feature_distance
from udsd.evaluation.report import (
    BLURRED,
    SHARP,
    EvaluationReport,
    Example,
    ImageScores,
    Reference,
    TextScores,
)
from udsd.evaluation.vgg import VGG19Features

Method = Callable[[Image], Image]
"""Deblurs a uint8 RGB image (H, W, 3) to one of the same shape."""

_EXAMPLES = 8
_COLLAPSED_CONTRAST = 0.1
"""Share of the input's standard deviation below which an output counts as collapsed."""


def evaluate(
    pairs: Iterable[EvaluationPair],
    methods: Mapping[str, Method],
    *,
    ocr: bool,
    vgg: VGG19Features | None,
) -> EvaluationReport:
    """Score the blurred input and the output of each method.

    Pairs are taken one by one and only a few examples are kept, so that a set may be larger than the memory. Examples
    are chosen by the gain of the first method. With given text the sharp image is scored too: its character errors are
    those of the OCR program.

    Args:
        pairs: At least one.
        methods: Functions by name; the names "blurred" and "sharp" are reserved.
        ocr: Read all images with tesseract and count character errors. Pairs without any text are left out of them.
        vgg: VGG-19, to measure feature distances too; None for none.

    Raises:
        ConfigError: A method's name is taken, or a program or package that is needed is not installed.
        ImageError: There are no pairs, an image is under 11 pixels a side, or a method gave another shape or dtype.
    """
    taken = sorted({BLURRED, SHARP} & set(methods))
    if taken:
        raise ConfigError(f"a method is named {' and '.join(taken)}; {BLURRED} and {SHARP} stand for the images")
    if ocr:
        require_tesseract()
    scores: list[ImageScores] = []
    examples: list[Example] = []
    for pair in pairs:
        scorer = _Scorer.of(pair, ocr=ocr, vgg=vgg)
        outputs = {BLURRED: pair.blurred} | {name: method(pair.blurred.copy()) for name, method in methods.items()}
        found = [scorer.scores(name, output) for name, output in outputs.items()]
        gain = found[min(1, len(methods))].shift_tolerant_psnr - found[0].shift_tolerant_psnr
        examples = _with_example(examples, Example(found, outputs, pair.sharp, gain))
        scores += found
        if ocr and pair.text is not None:
            scores.append(scorer.scores(SHARP, pair.sharp))
    if not scores:
        raise ImageError("no pairs of images to measure; give at least one")
    return EvaluationReport(scores, examples)


@dataclass(frozen=True, slots=True, eq=False)
class _Scorer:
    """Scores outputs against one pair.

    Attributes:
        reference: The reference text and its source; None without OCR or text.
        blurred_distance: Squared VGG distance of the blurred input to the sharp image; 0 without VGG.
    """

    pair: EvaluationPair
    vgg: VGG19Features | None
    reference: tuple[str, Reference] | None
    blurred_distance: float

    @classmethod
    def of(cls, pair: EvaluationPair, *, ocr: bool, vgg: VGG19Features | None) -> _Scorer:
        distance = feature_distance(pair.blurred, pair.sharp, vgg) if vgg else 0.0
        return cls(pair, vgg, _reference(pair) if ocr else None, distance)

    def scores(self, method: str, output: Image) -> ImageScores:
        sharp, blurred = self.pair.sharp, self.pair.blurred
        try:
            check_alike(output, sharp)
        except ImageError as error:
            raise ImageError(f"{self.pair.name}: method {method} and the sharp image: {error}") from error
        likeness = correlation(output, blurred)
        return ImageScores(
            name=self.pair.name,
            strength=self.pair.strength,
            method=method,
            psnr=psnr(output, sharp),
            shift_tolerant_psnr=shift_tolerant_psnr(output, sharp),
            ssim=ssim(output, sharp),
            color_error=mean_color_error(output, sharp),
            correlation=likeness,
            inverted=likeness < 0,
            collapsed=float(np.std(output)) < _COLLAPSED_CONTRAST * float(np.std(blurred)),
            text=self._text_scores(output),
            vgg_distance=self._relative_distance(output),
        )

    def _text_scores(self, output: Image) -> TextScores | None:
        if self.reference is None:
            return None
        text, reference = self.reference
        language = self.pair.language
        return TextScores(character_errors(recognise_text(output, language), text, language), len(text), reference)

    def _relative_distance(self, output: Image) -> float | None:
        if self.vgg is None or self.blurred_distance == 0:
            return None
        return feature_distance(output, self.pair.sharp, self.vgg) / self.blurred_distance


def _reference(pair: EvaluationPair) -> tuple[str, Reference] | None:
    reference: Reference = "ocr" if pair.text is None else "text"
    text = recognise_text(pair.sharp, pair.language) if pair.text is None else pair.text
    text = normalise_text(text, pair.language)
    return (text, reference) if text else None


def _with_example(examples: list[Example], new: Example) -> list[Example]:
    """Add an example and, if there are then too many, drop the one whose neighbours are closest in gain.

    The smallest and the largest gain always stay, and the others stay spread over the range.
    """
    ordered = sorted([*examples, new], key=lambda example: example.gain)
    if len(ordered) > _EXAMPLES:
        inner = range(1, len(ordered) - 1)
        del ordered[min(inner, key=lambda index: ordered[index + 1].gain - ordered[index - 1].gain)]
    return ordered
