"""What surrounds a page within its picture and was not blurred with it: bars of a screenshot, corners of a scan."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from udsd.images.levels import GREY_LEVEL

_FLAT = 6 * GREY_LEVEL
"""By how much a frame differs from the colour of its corner."""

_SMOOTH = 5
"""Pixels a side over which noise is averaged."""

_CONTRAST = 40 * GREY_LEVEL
"""Between a frame and the page, at least."""

_RINGING = 8
"""Pixels from the page, up to which compression changes a frame."""

_OF_FRAME = 0.35
"""Part of the contrast, up to which a pixel there belongs to the frame."""

_EDGE = 2
"""Pixels that an edge may take which was not blurred: they belong to both."""

_BETWEEN = 0.15
"""Part of the contrast, from which on a pixel at an edge belongs neither to the frame nor to the page."""

_WIDEST, _REACH = 1.2, 3
"""How many such pixels an edge has to each of its own at most, within so many pixels of it. Frames have 0 to 0.3, and
0.9 where a scan was turned and made smaller; what was blurred with its frame has 1.8 and more, out of focus by 1 to 1.5
pixels in light 1."""

_SHARES = (0.02, 0.8)
"""Of the picture that a frame takes: less is not worth it, and more is no frame."""

_THICKNESS, _SOLID = 12, 0.75
"""A page so many pixels smaller at each side has at least so much of its area: the gaps of light lines on a dark page
are no frame about the lines."""

_LOOKED_AT = 1_000_000
"""Pixels that are looked at first; a larger picture is made smaller for it."""

_SAMPLE = 7
"""Step between the pixels that the colour of a page is told by."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame in one colour or several.

    Attributes:
        mask: Where it is, with its edge: bool (H, W).
        paper: The colour of the page, float32 (3, 1, 1) in [-1, 1].
    """

    mask: Tensor
    paper: Tensor

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width and height in pixels of what it surrounds."""
        rows, columns = ((~self.mask).any(dim=axis).nonzero().flatten() for axis in (1, 0))
        left, top = int(columns[0]), int(rows[0])
        return left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top

    def removed(self, image: Tensor) -> Tensor:
        """A picture (1, 3, H, W) with paper in place of the frame; a new tensor."""
        return torch.where(self.mask, self.paper, image)

    def put_back(self, restored: Tensor, image: Tensor) -> Tensor:
        """What was restored without the frame, with the frame of the picture as it came."""
        return torch.where(self.mask, image, restored)

    @classmethod
    def find(cls, image: Tensor) -> Self | None:
        """The frame of a picture (1, 3, H, W) in [-1, 1], or None."""
        picture = image[0]
        if min(picture.shape[1:]) < 2 * (_THICKNESS + _RINGING):
            return None
        step = round(math.sqrt(picture[0].numel() / _LOOKED_AT))
        if step > 1 and not any(_flat_frames(F.avg_pool2d(picture, step))):
            return None
        found: list[_FlatFrame] = []
        mask = torch.zeros(picture.shape[1:], dtype=torch.bool)
        # Beside a bar the paper itself is flat at the borders, but what it surrounds is print, full of gaps.
        for flat in sorted(_flat_frames(picture), key=lambda flat: flat.solidity, reverse=True):
            is_paper = any(flat.is_paper_of(other) for other in found)
            if not is_paper and (whole := flat.with_edge(picture)) is not None:
                found.append(flat)
                mask |= whole
        if not found or float(mask.float().mean()) > _SHARES[1]:
            return None
        return cls(_grown(mask, _EDGE), _most_common(picture, ~mask)[:, None, None])


@dataclass(frozen=True, slots=True, eq=False)
class _FlatFrame:
    """What is flat at the borders of a picture and may be a frame.

    Attributes:
        mask: Where it is, bool (H, W).
        colour: Its colour, (3,).
        paper: The page's.
        contrast: Between the two.
        solidity: Of the page: the part of it that is left of one some pixels smaller at each side.
    """

    mask: Tensor
    colour: Tensor
    paper: Tensor
    contrast: float
    solidity: float

    def is_paper_of(self, other: _FlatFrame) -> bool:
        """Whether this has the colour of what another surrounds."""
        return float((self.colour - other.paper).abs().max()) < other.contrast / 2

    def with_edge(self, picture: Tensor) -> Tensor | None:
        """Where it is, up to its edge; None if the edge was blurred."""
        from_frame, from_paper = (_distance(picture, colour) / self.contrast for colour in (self.colour, self.paper))
        mask = self.mask | (_grown(self.mask, _RINGING) & (from_frame < _OF_FRAME))
        is_edge = _grown(mask, _REACH) & _grown(~mask, _REACH)
        is_between = is_edge & (from_frame > _BETWEEN) & (from_paper > _BETWEEN)
        length = float((_grown(mask, 1) & ~mask).sum())
        return mask if float(is_between.sum()) <= _WIDEST * length else None


def _flat_frames(picture: Tensor) -> Iterator[_FlatFrame]:
    """What may be a frame in a picture (3, H, W), by its corners."""
    smooth = F.avg_pool2d(picture, _SMOOTH, 1, _SMOOTH // 2, count_include_pad=False)
    for colour in _corner_colours(smooth):
        mask = torch.from_numpy(_reached((_distance(smooth, colour) <= _FLAT).numpy()))
        if not _SHARES[0] < float(mask.float().mean()) < _SHARES[1]:
            continue
        paper = _most_common(picture, ~mask)
        contrast = float((paper - colour).abs().max())
        solidity = float((~_grown(mask, _THICKNESS)).sum()) / float((~mask).sum())
        if contrast >= _CONTRAST and solidity >= _SOLID:
            yield _FlatFrame(mask, colour, paper, contrast, solidity)


def _corner_colours(picture: Tensor) -> Iterator[Tensor]:
    """The colours (3,) of the corners of a smooth picture (3, H, W), each once."""
    seen: list[Tensor] = []
    for corner in picture[:, :: picture.shape[1] - 1, :: picture.shape[2] - 1].flatten(1).T:
        if all((corner - other).abs().max() > _FLAT for other in seen):
            seen.append(corner)
            yield corner


def _distance(picture: Tensor, colour: Tensor) -> Tensor:
    """How far each pixel of a picture (3, H, W) is from a colour (3,), by the channel that differs most: (H, W)."""
    return (picture - colour[:, None, None]).abs().amax(dim=0)


def _most_common(picture: Tensor, where: Tensor) -> Tensor:
    """The median colour (3,) of some pixels of a picture: that of paper on a page."""
    return picture[:, where][:, ::_SAMPLE].median(dim=1).values


def _reached(flat: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that are joined to a border of the picture by a straight line of such pixels, along a row or a column."""
    reached = np.zeros_like(flat)
    for turned, whole in ((flat, reached), (flat.T, reached.T)):
        for step in (1, -1):
            whole |= np.logical_and.accumulate(turned[:, ::step], axis=1)[:, ::step]
    return reached


def _grown(mask: Tensor, reach: int) -> Tensor:
    """A mask (H, W) and what lies so many pixels from it."""
    grown = mask[None, None].float()
    for kernel, padding in (((2 * reach + 1, 1), (reach, 0)), ((1, 2 * reach + 1), (0, reach))):
        grown = F.max_pool2d(grown, kernel, 1, padding)
    return grown[0, 0] > 0
