"""Text strips: a few whole lines of text in the full width of a page, to be blurred and restored.

They have nothing to do with the strips of feature maps in `udsd.inference.strips`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from udsd.arguments import whole_number
from udsd.errors import ConfigError, ImageError
from udsd.evaluation.metrics import Image
from udsd.evaluation.sharp_images import SharpImage, read_rgb_if_possible

_INK_CONTRAST = 64
"""Least difference of ink from its paper in grey levels, darker or lighter."""

_LINE_GAP = 3
"""Fewest blank rows between two lines; fewer also separate a letter from its accent, or lie around a fraction bar."""

_SMALLEST_SHARE = 0.5
"""Least share of the asked-for height, and of its page's text width, that a text strip fills: a page number alone, or
the last line of a paragraph, says little."""

Span = tuple[int, int]
"""First row, and the row after the last."""


@dataclass(frozen=True, slots=True)
class TextStrips:
    """Cuts text strips from pages.

    The same pages and settings give the same text strips. The random numbers of a page depend only on the seed and the
    name of its file, so that adding a page to the folder changes the choice from the others as little as possible.

    Attributes:
        count: Number of text strips, spread over as many pages as there are.
        height: Largest height in pixels. A text strip has as many lines as fit, so that most are a little lower.
        margin: Pixels of paper kept around the text, as far as the neighbouring lines leave room.
        seed: Seed of the choice of pages and of text strips on them.
    """

    count: int = 40
    height: int = 160
    margin: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("count", 1), ("height", 1), ("margin", 0), ("seed", 0)):
            object.__setattr__(self, name, whole_number(name, getattr(self, name), least))
        if not 0 <= self.margin < self.height // 4:
            raise ConfigError(f"margin is {self.margin}; give 0 or more, and less than a quarter of the height")

    def cut(self, pages: Sequence[Path]) -> list[SharpImage]:
        """Cut text strips from page images: one of each page in a random order, then a second, until there are enough.

        Raises:
            ImageError: All pages that can be read hold too few text strips together.
        """
        draws = {page: np.random.default_rng([self.seed, zlib.crc32(page.name.encode())]) for page in pages}
        order = sorted(pages, key=lambda page: (draws[page].random(), page.name))
        shuffled: dict[Path, list[SharpImage]] = {}
        chosen: list[SharpImage] = []
        for turn in count():
            before = len(chosen)
            for page in order:
                if turn == 0:
                    strips = self.all_strips(page)
                    shuffled[page] = [strips[index] for index in draws[page].permutation(len(strips))]
                if turn < len(shuffled[page]):
                    chosen.append(shuffled[page][turn])
                if len(chosen) == self.count:
                    return chosen
            if len(chosen) == before:
                break
        raise ImageError(
            f"{len(pages)} page(s) hold only {len(chosen)} strip(s) of text, {self.count} were asked for; "
            "give more pages, fewer strips or another height"
        )

    def all_strips(self, page: Path) -> list[SharpImage]:
        """All text strips of one page from top to bottom; none for a page without text, or that cannot be read."""
        image = read_rgb_if_possible(page)
        if image is None:
            return []
        ink = find_ink(image)
        text_width = _ink_columns(ink)
        strips = []
        for top, bottom in group_lines(find_lines(ink), self.height, self.margin, len(ink)):
            left, right = _ink_columns(ink[top:bottom])
            tall_enough = bottom - top >= _SMALLEST_SHARE * self.height
            if tall_enough and right - left >= _SMALLEST_SHARE * (text_width[1] - text_width[0]):
                columns = slice(max(left - self.margin, 0), right + self.margin)
                strips.append(SharpImage(f"{page.stem}-y{top:04d}", image[top:bottom, columns].copy()))
        return strips


def find_ink(page: Image) -> npt.NDArray[np.bool_]:
    """Pixels (H, W) of a uint8 RGB page (H, W, 3) that are not paper; paper is the most common grey level."""
    grey = np.rint(page.mean(axis=2)).astype(np.int64)
    paper = int(np.bincount(grey.ravel(), minlength=256).argmax())
    ink: npt.NDArray[np.bool_] = np.abs(grey - paper) > _INK_CONTRAST
    return ink


def find_lines(ink: npt.NDArray[np.bool_]) -> list[Span]:
    """Runs of rows with ink, from top to bottom, separated by at least three blank rows."""
    rows = np.flatnonzero(ink.any(axis=1))
    if rows.size == 0:
        return []
    breaks = np.flatnonzero(np.diff(rows) > _LINE_GAP)
    starts = rows[np.concatenate([[0], breaks + 1])]
    ends = rows[np.concatenate([breaks, [-1]])] + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def group_lines(lines: Sequence[Span], height: int, margin: int, page_height: int) -> list[Span]:
    """Join neighbouring lines to text strips of at most ``height`` rows, margins included, without overlap.

    A line that is too high by itself (a figure, a framed page) is left out, and no text strip runs across it.
    """
    # Text strips are cut halfway between two lines, so that both keep some paper.
    middles = [(above[1] + below[0]) // 2 for above, below in pairwise(lines)]
    cuts = [0, *middles, page_height]
    tops = [max(start - margin, cut) for (start, _), cut in zip(lines, cuts, strict=False)]
    bottoms = [min(end + margin, cut) for (_, end), cut in zip(lines, cuts[1:], strict=True)]
    strips: list[Span] = []
    first = 0
    while first < len(lines):
        after = first
        while after < len(lines) and bottoms[after] - tops[first] <= height:
            after += 1
        if after > first:
            strips.append((tops[first], bottoms[after - 1]))
        first = max(after, first + 1)
    return strips


def _ink_columns(ink: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """First column with ink, and the one after the last; (0, 0) for none."""
    positions = np.flatnonzero(ink.any(axis=0))
    return (int(positions[0]), int(positions[-1]) + 1) if positions.size else (0, 0)
