"""Faces whose places the user has named."""

from __future__ import annotations

from torch import Tensor

from udsd.domains.faces.alignment import EYES_AND_MOUTH, Placement
from udsd.domains.faces.blazeface import BlazeFace
from udsd.domains.faces.face import Face
from udsd.domains.faces.search import look_closer
from udsd.domains.options import Box
from udsd.errors import ImageError

_THRESHOLD = 0.15
"""Mean score of a face where a user says that there is one: that of the suspicion, which counts as well, is 0 here."""


def face_in_box(image: Tensor, box: Box, detector: BlazeFace) -> Face:
    """The face in a box; where none is seen, one that fills the box upright, with a score of 0.

    Args:
        image: (1, 3, H, W), float32 in [-1, 1], on the CPU.
        box: From the brows to the chin, or somewhat more.
        detector: The network.

    Raises:
        ImageError: The box lies outside of the picture.
    """
    left, top, width, height = box
    picture_height, picture_width = image.shape[-2:]
    if left >= picture_width or top >= picture_height or left + width <= 0 or top + height <= 0:
        raise ImageError(
            f"the face's box {box} lies outside of the picture; give (left, top, width, height) in pixels within "
            f"{picture_width} x {picture_height}"
        )
    unseen = _face_that_fills(box)
    return look_closer(image, unseen, detector, _THRESHOLD) or unseen


def _face_that_fills(box: Box) -> Face:
    left, top, width, height = box
    side = max(width, height)  # a face's size is the shorter side
    square = (left + (width - side) / 2, top + (height - side) / 2, side, side)
    eyes_and_mouth = Placement.of_box(square).to_picture(EYES_AND_MOUTH)
    return Face(square, eyes_and_mouth[[0, 1, 2, 2, 0, 1]], score=0.0)
