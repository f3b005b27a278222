"""What a page looks like before it is restored: size of its letters and its blur, and what is light on dark."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import Tensor

from udsd.domains.pages.gauge import CELL, Measures, measure_print
from udsd.images.resizing import resized

_LOOKED_AT = 1_000_000
"""Pixels that are measured at first; a larger picture is made smaller for it."""

_UNCERTAIN = 0.7
"""Part of its size, below which a page may have letters that are too small to be seen as such: their lines and
paragraphs are then taken for letters. A part of it is looked at in its own size."""

_SEEN = 10.0
"""Pixels to which small letters are brought, to be measured."""

_SMALL_LETTERS, _LARGE_LETTERS = 9.0, 60.0
"""Pixels: sizes that the gauge tells best lie between."""

_CLOSER_SIDE = 768
"""Of that part, in pixels."""

_FULL = 0.1
"""Share of print from which on the page is measured anew in a larger copy. With less it may be the grain of a photo."""

_IS_PRINT = 0.5
_LEAST_LETTERS = 6.0
"""Pixels, as they are looked at: smaller ones cannot be told from noise."""
_SHARP = 0.37
"""Standard deviation of a blur up to which a page is sharp, in pixels as they are looked at. Sharp pages in letters of
14 to 60 pixels, clean, with noise of 4 levels or as JPEGs of quality 40, were measured to have 0.33 to 0.37; slightly
blurred ones, which gain 10 dB and more, 0.36 and up."""

_LEAST_PRINT = 3
"""Cells; fewer are taken for an error."""


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What was measured on a page.

    Attributes:
        measures: Of each cell, in pixels of the page.
        is_print: Of each cell whether it holds print that can be measured, bool.
        cell: Side of a cell in pixels of the page.
        letters: Size of most letters (em) in pixels of the page, or None where there is no print.
        blur: To what distance light was spread along the blur, as a standard deviation in pixels of the page.
        across: The same across it.
    """

    measures: Measures
    is_print: Tensor
    cell: float
    letters: float | None
    blur: float
    across: float

    @property
    def printed(self) -> float:
        """Share of the page that is print."""
        return float(self.is_print.float().mean())

    @property
    def print_area(self) -> float:
        """Area of the print in square pixels of the page."""
        return float(self.is_print.sum()) * self.cell**2

    @property
    def is_sharp(self) -> bool:
        """Whether there is print, and the blur is so small that nothing is gained by restoring it."""
        return self.letters is not None and self.blur < _SHARP * self.cell / CELL


def survey_page(grey: Tensor) -> Survey:
    """Measure a page.

    Args:
        grey: (H, W), float32 in [-1, 1], on the CPU.
    """
    shrink = min(1.0, (_LOOKED_AT / grey.numel()) ** 0.5)
    survey = _at_scale(grey, shrink)
    if survey.letters is None and shrink == 1:
        return survey
    seen = None if survey.letters is None else survey.letters * shrink
    too_small = seen is None or seen < _SMALL_LETTERS
    if shrink < 1 and (too_small or shrink < _UNCERTAIN):
        closer = _closer_look(survey, grey)
        if closer.letters is not None and closer.letters * shrink < _SMALL_LETTERS:
            if closer.printed >= _FULL:
                scale = min(1.0, _SEEN / closer.letters)
                larger = _at_scale(grey, scale)
                if larger.letters is not None and larger.printed >= _FULL and larger.letters * scale <= _LARGE_LETTERS:
                    return larger
            if too_small:
                return replace(survey, letters=closer.letters, blur=closer.blur, across=closer.across)
    if seen is not None and seen > _LARGE_LETTERS:
        smaller = _at_scale(grey, shrink * 24 / seen)
        return survey if smaller.letters is None else smaller
    return survey


def _at_scale(grey: Tensor, scale: float) -> Survey:
    height, width = (max(round(side * scale), 1) for side in grey.shape)
    looked_at = grey if scale == 1 else resized(grey[None, None], height, width)[0, 0]
    return _summed_up(measure_print(looked_at), scale)


def _summed_up(measures: Measures, scale: float) -> Survey:
    chosen = (measures.print > _IS_PRINT) & (measures.letters >= _LEAST_LETTERS)
    cell = CELL / scale
    measures = measures.scaled(1 / scale)
    if int(chosen.sum()) < _LEAST_PRINT:
        return Survey(measures, chosen, cell, None, 0, 0)
    return Survey(
        measures,
        chosen,
        cell,
        float(measures.letters[chosen].median()),
        float(measures.blur[chosen].median()),
        float(measures.across[chosen].median()),
    )


def _closer_look(survey: Survey, grey: Tensor) -> Survey:
    """Of the part with most of the print, in the page's own size."""
    height, width = grey.shape
    side_in_cells = max(round(_CLOSER_SIDE / survey.cell), 1)
    ink = F.avg_pool2d(survey.measures.print[None, None], side_in_cells, 1, side_in_cells // 2, ceil_mode=True)[0, 0]
    row, column = divmod(int(ink.argmax()), ink.shape[1])
    top = int(min(max((row + 0.5) * survey.cell - _CLOSER_SIDE / 2, 0), max(height - _CLOSER_SIDE, 0)))
    left = int(min(max((column + 0.5) * survey.cell - _CLOSER_SIDE / 2, 0), max(width - _CLOSER_SIDE, 0)))
    return _at_scale(grey[top : top + _CLOSER_SIDE, left : left + _CLOSER_SIDE], 1)
