"""Parts of a page that are restored by themselves.

Their letters are of another size than most (headings, footnotes), or they are blurred beside print that is sharp.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from udsd.domains.pages.gauge import CELL
from udsd.domains.pages.scale import SMALLEST, TELLABLE, choose_scale, is_negligible
from udsd.domains.pages.survey import Survey
from udsd.extras import require
from udsd.models.config import DomainConfig

_OTHER = 1.4
"""Factor by which letters, at the scale of the page, lie outside of what the model expects to get one of their own."""

_LEAST_LETTERS = 6
"""A part of fewer letters, by its area, is taken for an error of measurement."""

_MARGIN = 1.5
"""Times the size of letters: what is restored around a part, and what its edge is blended over."""

_SHARP, _BLURRED = 0.5, 1.2
"""Blur of print in pixels, as a standard deviation in a page as it is looked at: less is sharp, and more is blurred."""

_LEAST_SHARE = 0.15
"""Of the print that is sharp, and the same of what is blurred, where a page is held for both."""

_APART = 0.5
"""Times the size of letters: what is restored around a blurred part. A line of sharp print in view is enough, and the
networks leave all as it is: the lower half of a page in letters of 28 pixels had 24.5 dB with 20 pixels of the last
sharp line, 13.4 with 40.

Chosen in November 2026 by drawn pages that are blurred in part, 15.2 to 15.8 dB before and 24.6 to 27.1 after; none of
the 412 pages, strips and photographs that figures are of is held for one."""

_MOST_PARTS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a page that is restored at a scale of its own.

    Attributes:
        rows: What is restored of it, its surroundings included.
        columns: The same across.
        weight: Float32 (1, 1, rows, columns) in [0, 1]: how much of the change counts.
        scale: Size before the networks, as a part of its own.
        letters: Size of its letters in pixels of the page.
    """

    rows: slice
    columns: slice
    weight: Tensor
    scale: float
    letters: float


def find_parts(survey: Survey, shape: Sequence[int], scale: float, config: DomainConfig) -> list[Part]:
    """Find the parts of a page that want another scale than most of it, or are blurred beside sharp ones.

    The largest come first.

    Args:
        survey: Of the page.
        shape: Height and width of the page in pixels.
        scale: That of the page.
        config: What the model expects.
    """
    if survey.letters is None or survey.blur >= TELLABLE * survey.letters:
        return []
    at_scale = survey.measures.letters * scale
    tellable = survey.is_print & (survey.measures.blur < TELLABLE * survey.measures.letters)
    found = [
        part
        for cells in (at_scale > config.size[1] * _OTHER, at_scale < config.size[0] * SMALLEST / _OTHER)
        for region in _regions((cells & tellable).numpy(), survey)
        if (part := _part(survey, region, shape, config)) is not None and not is_negligible(part.scale / scale)
    ]
    found += [
        part
        for region in _regions((blurred_beside_sharp(survey) & tellable).numpy(), survey)
        if (part := _part(survey, region, shape, config, _APART)) is not None
    ]
    return sorted(found, key=lambda part: -part.weight.numel())[:_MOST_PARTS]


def blurred_beside_sharp(survey: Survey) -> Tensor:
    """Cells of blurred print, bool; none where nothing else is sharp."""
    blur, is_print, pixel = survey.measures.blur, survey.is_print, survey.cell / CELL
    sharp, blurred = is_print & (blur < _SHARP * pixel), is_print & (blur > _BLURRED * pixel)
    least = _LEAST_SHARE * float(is_print.sum())
    return blurred if least < min(float(sharp.sum()), float(blurred.sum())) else torch.zeros_like(blurred)


def _regions(cells: NDArray[np.bool_], survey: Survey) -> Iterator[NDArray[np.bool_]]:
    """Cells that belong together: lines and words less than two letters apart."""
    if not cells.any():
        return
    cv2 = require("cv2", "OpenCV")
    reach = 2 * max(round(float(survey.measures.letters[torch.from_numpy(cells)].median()) / survey.cell), 1) + 1
    joined = cv2.dilate(cells.astype(np.uint8), np.ones((reach, reach), np.uint8))
    count, labels = cv2.connectedComponents(joined)
    for label in range(1, count):
        yield (labels == label) & cells


def _part(
    survey: Survey, cells: NDArray[np.bool_], shape: Sequence[int], config: DomainConfig, apart: float = _MARGIN
) -> Part | None:
    chosen = torch.from_numpy(cells)
    letters = float(survey.measures.letters[chosen].median())
    if cells.sum() * survey.cell**2 < _LEAST_LETTERS * letters**2:
        return None
    part = Survey(
        survey.measures,
        chosen,
        survey.cell,
        letters,
        float(survey.measures.blur[chosen].median()),
        float(survey.measures.across[chosen].median()),
    )
    margin = max(round(apart * letters / survey.cell), 1)
    (top, bottom), (left, right) = (_reach(np.asarray(cells.any(axis=axis)), margin) for axis in (1, 0))
    rows, columns = (
        slice(min(round(start * survey.cell), side), min(round(stop * survey.cell), side))
        for start, stop, side in ((top, bottom, shape[0]), (left, right, shape[1]))
    )
    inside = F.pad(chosen[top:bottom, left:right].float()[None, None], (1, 1, 1, 1))
    weight = _soft(inside, margin)[..., 1:-1, 1:-1]
    height, width = rows.stop - rows.start, columns.stop - columns.start
    weight = F.interpolate(weight, (height, width), mode="bilinear")
    return Part(rows, columns, weight, choose_scale(part, config), letters)


def _reach(occupied: NDArray[np.bool_], margin: int) -> tuple[int, int]:
    """First of the cells that are occupied, and the one behind the last, with a margin as far as there is room."""
    (places,) = np.nonzero(occupied)
    return max(int(places[0]) - margin, 0), min(int(places[-1]) + 1 + margin, len(occupied))


def _soft(inside: Tensor, margin: int) -> Tensor:
    """1 on cells that are inside and next to them, falling to 0 within the margin."""
    grown = F.max_pool2d(inside, 3, 1, 1)
    return F.avg_pool2d(grown, 2 * margin - 1, 1, margin - 1) if margin > 1 else grown
