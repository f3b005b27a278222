"""A face that was found in a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udsd.domains.options import Box

LARGEST_OVERLAP = 0.5
"""Two boxes that share more of the smaller one than this are of the same face."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face that was found in a picture.

    Attributes:
        box: Left, top, width and height in pixels, from the brows to the chin. It may reach beyond the picture.
        landmarks: (6, 2), float64: x and y in pixels of the two eyes (the left one in the picture first), the tip of
            the nose, the middle of the mouth, and the two ears.
        score: How sure the detector is, from 0 to 1.
    """

    box: Box
    landmarks: NDArray[np.float64]
    score: float

    @property
    def center(self) -> tuple[float, float]:
        """The middle of the box, x and y in pixels."""
        left, top, width, height = self.box
        return left + width / 2, top + height / 2

    @property
    def size(self) -> float:
        """The shorter side of the box in pixels."""
        return min(self.box[2:])


def overlap(first: Box, second: Box) -> float:
    """The area that two boxes share, as a part of the smaller one, from 0 to 1."""
    width, height = (
        min(first[axis] + first[axis + 2], second[axis] + second[axis + 2]) - max(first[axis], second[axis])
        for axis in (0, 1)
    )
    smaller = min(first[2] * first[3], second[2] * second[3])
    return max(width, 0.0) * max(height, 0.0) / smaller if smaller > 0 else 0.0


def without_duplicates(faces: list[Face]) -> list[Face]:
    """Of faces that overlap the one with the highest score (non-maximum suppression), the highest scores first."""
    ordered = sorted(faces, key=lambda face: -face.score)
    starts = np.array([face.box[:2] for face in ordered]).reshape(-1, 2)
    sides = np.array([face.box[2:] for face in ordered]).reshape(-1, 2)
    left = np.arange(len(ordered))
    kept = []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(ordered[first])
        # As `overlap`, of one with all that are left: a noisy picture has thousands.
        ends = np.minimum(starts[first] + sides[first], starts[left] + sides[left])
        shared = (ends - np.maximum(starts[first], starts[left])).clip(0).prod(axis=1)
        smaller = np.minimum(sides[first].prod(), sides[left].prod(axis=1))
        left = left[shared <= LARGEST_OVERLAP * smaller]
    return kept
