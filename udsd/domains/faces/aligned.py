"""Pictures that are one aligned face, as the models' training pictures are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from udsd.domains.faces.alignment import Placement, cut
from udsd.domains.faces.blazeface import INPUT_SIDE, BlazeFace
from udsd.domains.faces.face import Face

LARGEST_SIDE = 320
"""Pixels, of the shorter side. A larger picture of one face is a portrait, in which the face is aligned."""

_LARGEST_RATIO = 1.4
"""Of the longer side to the shorter one; CelebA's pictures have 218 to 178."""

_SIDE_RANGE = (0.7, 1.45)
"""Side of the face's aligned crop, as a part of the picture's shorter side."""

_LARGEST_SHIFT = 0.15
"""From the crop's middle to the picture's, as a part of the picture's shorter side."""

_LARGEST_ANGLE = 15.0

_SURROUNDINGS = 1.3
"""Side of what is looked at for a hint of a face, as a part of the picture's longer side."""

_HINT = 0.3
"""Score. In November 2026 all 6 of 250 blurred faces of LFW that were not found had more once they were restored, and
so had 1 of 40 pieces of landscapes."""


def may_be_aligned(image: Tensor) -> bool:
    """Whether a picture (1, 3, H, W) has the form of an aligned crop: small, and about square."""
    shorter, longer = sorted(image.shape[-2:])
    return shorter <= LARGEST_SIDE and longer <= _LARGEST_RATIO * shorter


def hints_at_a_face(restored: Tensor, detector: BlazeFace) -> bool:
    """Whether a restored picture of the form of an aligned crop may show a face, be it no more than a hint of one.

    Args:
        restored: (1, 3, H, W), float32 in [-1, 1], on the CPU.
        detector: What finds faces.
    """
    height, width = restored.shape[-2:]
    whole = Placement((width / 2, height / 2), _SURROUNDINGS * max(height, width))
    return may_be_aligned(restored) and len(detector.detect(cut(restored, whole, INPUT_SIDE), _HINT)) > 0


def is_aligned(image: Tensor, faces: Sequence[Face]) -> bool:
    """Whether a picture (1, 3, H, W) is one face that stands in it about as the models' training pictures do.

    Args:
        image: The picture.
        faces: The faces that were found in it, the highest score first. Others than the first may be small.
    """
    if not faces or not may_be_aligned(image):
        return False
    height, width = image.shape[-2:]
    side = min(height, width)
    placement = Placement.of_face(faces[0])
    return (
        _SIDE_RANGE[0] <= placement.side / side <= _SIDE_RANGE[1]
        and math.dist(placement.center, (width / 2, height / 2)) <= _LARGEST_SHIFT * side
        and abs(placement.angle) <= _LARGEST_ANGLE
        and all(face.size < faces[0].size / 2 for face in faces[1:])
    )
