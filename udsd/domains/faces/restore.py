"""Restoring the faces of a picture, each at the size that suits its blur."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from udsd.domains.consistent import at_scale
from udsd.domains.domain import Region, Restore
from udsd.domains.faces.alignment import Placement, Window, cut
from udsd.domains.faces.blur import MEASURED_SIDE, blur_length
from udsd.domains.faces.face import Face
from udsd.domains.faces.paste import FacePaster

MARGIN = 1.1
"""Side of the square that is restored, as a multiple of the aligned crop's: the mask falls off in the margin."""

_SIZES = (80, 112, 160, 224)
"""Sides in pixels at which aligned crops are restored, when 160 is the size of training. Larger ones only cost: faces
of 250 to 320 pixels under light blur lost 1.5 dB at 1.8 times the size of training."""

_TRAINED_SIZE = 160

_BEST_PATH = 50.0
"""Length in pixels of the camera path that the networks should see. Shorter ones lose detail to the networks' strides,
longer ones are beyond their reach."""

_SHARP_PATH = 8.5
"""Path in pixels of a crop of 160 below which a face is sharp. In November 2026 a fifth of 100 sharp faces of LFW lay
below it, and one of them when they were blurred by a path of 6 pixels."""

_LARGEST_TOLD = 224.0
"""Side in pixels of an aligned crop. Larger ones are measured at less than their size, which hides a small blur."""

_LARGEST_ENLARGEMENT = 1.8

_OWN_SHARE = 0.5
"""How much a face's own blur counts beside that of all faces of the picture."""

_BATCH = 8
"""Faces that are restored together at most, which bounds the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class PlacedFace:
    """A face that is to be restored.

    Attributes:
        face: As it was found.
        placement: Its aligned crop in the picture.
        path: Length of the camera's path that its blur looks like, in pixels of the picture.
        size: Side in pixels at which the crop is restored.
    """

    face: Face
    placement: Placement
    path: float
    size: int

    @property
    def scale(self) -> float:
        """Size before the networks, as a part of the face's own size."""
        return self.size / self.placement.side

    @property
    def is_sharp(self) -> bool:
        """Whether it is sharp already."""
        return is_sharp(self.placement.side, self.path)

    def region(self) -> Region:
        """What is told of it."""
        return Region(
            self.face.box,
            scale=self.scale,
            angle=self.placement.angle,
            size=self.placement.side,
            score=self.face.score,
        )


def placed(image: Tensor, faces: Sequence[Face], trained_size: float) -> list[PlacedFace]:
    """Align faces, and choose at which size each is best restored, by how far it is blurred.

    Args:
        image: The picture, (1, 3, H, W), float32 in [-1, 1].
        faces: Those outside of the picture are left out.
        trained_size: Side of the aligned crops that the model learnt from.
    """
    height, width = image.shape[-2:]
    seen = [(face, square) for face in faces if Window.about(square := Placement.of_face(face), height, width)]
    squares = [square for _, square in seen]
    own_paths = [path_length(image, square) for square in squares]
    lengths = [math.log(path) for path in own_paths]
    # A camera's path is the same everywhere in a picture, and best seen in large faces; defocus differs.
    weights = [square.side**2 for square in squares]
    shared = sum(weight * length for weight, length in zip(weights, lengths, strict=True)) / max(sum(weights), 1e-9)
    paths = [math.exp(_OWN_SHARE * own + (1 - _OWN_SHARE) * shared) for own in lengths]
    return [
        PlacedFace(face, square, own, best_size(square.side, path, trained_size))
        for (face, square), own, path in zip(seen, own_paths, paths, strict=True)
    ]


def path_length(image: Tensor, placement: Placement) -> float:
    """Estimate the length of the camera's path, in pixels of the picture, from the face in a square."""
    return blur_length(cut(image, placement, MEASURED_SIDE)) * placement.side / MEASURED_SIDE


def is_sharp(side: float, path: float) -> bool:
    """Whether a face is sharp already, as far as that can be told.

    Args:
        side: Side of its aligned crop in the picture, in pixels.
        path: What `path_length` gives.
    """
    return side <= _LARGEST_TOLD and path / side * MEASURED_SIDE < _SHARP_PATH


def best_size(side: float, path: float, trained_size: float) -> int:
    """The side in pixels at which an aligned crop is best restored.

    Args:
        side: Its side in the picture.
        path: Length of the camera's path, in pixels of the picture.
        trained_size: Side of the aligned crops that the model learnt from.
    """
    wanted = side * _BEST_PATH / path * trained_size / _TRAINED_SIZE
    sizes = [round(size * trained_size / _TRAINED_SIZE) for size in _SIZES]
    largest = max(_LARGEST_ENLARGEMENT * side, sizes[1])
    return min((size for size in sizes if size <= largest), key=lambda size: abs(math.log(size / wanted)))


def restore_faces(picture: Tensor, source: Tensor, faces: Sequence[PlacedFace], restore: Restore) -> None:
    """Restore faces and put them into a picture, in place.

    Args:
        picture: What they are put into, (1, 3, H, W), float32 in [-1, 1].
        source: The picture as it came.
        faces: Where they are. Each must share pixels with the picture.
        restore: The model.
    """
    # One size after the other, so that they can run together.
    ordered = sorted(faces, key=lambda face: face.size)
    squares = [face.placement.grown(MARGIN) for face in ordered]
    paster = FacePaster(picture, source, squares)
    for numbers, size in _batches(ordered):
        before = torch.cat([cut(source, squares[number], size) for number in numbers])
        enlarged = [before.shape[-1] / squares[number].side for number in numbers]
        after = at_scale(restore, enlarged)(before)
        for number, one, restored in zip(numbers, torch.split(before, 1), torch.split(after, 1), strict=True):
            paster.paste(number, one, restored)


def _batches(faces: Sequence[PlacedFace]) -> Iterator[tuple[list[int], int]]:
    """Numbers of faces that are restored together, and the side of their squares in pixels."""
    for size, group in groupby(range(len(faces)), key=lambda number: faces[number].size):
        numbers = list(group)
        for start in range(0, len(numbers), _BATCH):
            yield numbers[start : start + _BATCH], round(MARGIN * size)
