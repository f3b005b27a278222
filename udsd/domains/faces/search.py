"""Finding faces of every size in a picture, blurred ones too.

BlazeFace takes pictures of 192 px. Tiles of a pyramid, each level 0.6 times as large as the one before, show it each
face at about 30 to 50 px (the side of the aligned crop), which is enough to suspect one. A closer look, at 80 px, and a
third, upright and at 110 px, decide, and give the landmarks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from udsd.domains.faces.alignment import BOX_CENTER, BOX_SIDE, Placement, Window, cut
from udsd.domains.faces.blazeface import INPUT_SIDE, BlazeFace, Detections
from udsd.domains.faces.face import LARGEST_OVERLAP, Face, overlap, without_duplicates

_LEVEL_STEP = 0.6
_COARSEST_SCALE = 0.7
"""Size of the coarsest level, as a part of one that would just fill a tile: a face that fills the picture has to be
seen whole."""

_SMALLEST_LEVEL_FACE = 24.0
"""Pixels, side of the aligned crop: what a tile must show of the smallest faces that are wanted."""

_OVERLAP = 48
"""Pixels that neighbouring tiles share at least."""

_FLAT = 0.03
"""Standard deviation, in the range [-1, 1], of tiles in which no face is looked for: sky, or paper."""

_SUSPICION = 0.1
"""Score of a suspected face. Of faces behind camera shake 97 % reach it at 34 px, and some 30 other places in a picture
of 2 megapixels."""

_STRONG = 0.4
_FEWEST_LOOKS = 6
_LOOKS_PER_MEGAPIXEL = 1
"""How many of the places below `_STRONG` are looked at again: the highest scores. With six for each megapixel one face
more is found of 720 that are behind camera shake."""

_CLOSE_SIZES = (80, 110)
"""Pixels of the aligned crop in the second and third look."""

_LOOKS = 1 + len(_CLOSE_SIZES)

_TOGETHER = 32
"""Places that are looked at together: their cuts take 14 megabytes, and a crowd has hundreds."""

_FAINT = 0.02
"""Lowest score that is taken note of in a closer look."""

_LARGEST_SHIFT = 0.35
_SIZE_RANGE = (0.5, 1.7)
"""How far a face may lie from the middle of a closer look, as a part of the aligned crop's side, and how its size may
differ from the suspected one."""

_HOPELESS = 0.15
_HOPED = 0.56
"""The third look is needless if the second gives less than `_HOPELESS`, or if a face would take more than `_HOPED` in
the third. Faces behind camera shake have at least .28 in the second, and would do with .47."""

_LARGEST_DISAGREEMENT = 0.16
"""How far apart the second and the third look may see the face, as a part of its box. Of 160 faces behind camera shake
98 % lie closer together, of 80 other places that pass for faces a quarter."""

_THRESHOLD = 0.38
"""Mean score of the three looks that makes a face."""


FINEST = 0.5
"""Size of the finest level of the pyramid, as a part of a large picture. A finer one would take more than a tenth of
the time of restoring. With 0.6 no more faces of 50 px and above are found behind camera shake: 129 of 144, with this
130."""

FINEST_AGAIN = 0.33
"""The same where a restored picture is searched: blur hides large faces from the detector, and what it hides of small
ones no model brings back. In November 2026, of 144 faces in photos behind camera shake, restoring showed 12 more, and 1
place that was no face; searched as finely as at first 14 and 2."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a search has found.

    Attributes:
        faces: Faces, the highest scores first.
        doubtful: Places that did not prove to be faces, and may do so in a sharper copy of the picture (`look_again`).
    """

    faces: list[Face]
    doubtful: list[Face]


@dataclass(frozen=True, slots=True)
class Sightings:
    """What a search has seen, of any size.

    Attributes:
        confirmed: What proved to be faces; one face may be among them more than once.
        doubtful: As of `Search`.
    """

    confirmed: list[Face]
    doubtful: list[Face]

    def of_size(self, smallest: float) -> Search:
        """The faces whose box has at least so many pixels a side."""
        return Search(without_duplicates([face for face in self.confirmed if face.size >= smallest]), self.doubtful)


def search(image: Tensor, detector: BlazeFace, smallest: float = 0, finest: float = FINEST) -> Search:
    """Find the faces of a picture.

    Args:
        image: (1, 3, H, W), float32 in [-1, 1], on the CPU.
        detector: The network.
        smallest: The smallest box that is wanted, in pixels; looking for large faces only takes less time.
        finest: Size of the finest level that is looked at for faces of any size, as a part of a large picture.
    """
    return sight_faces(image, detector, smallest, finest).of_size(smallest)


def sight_faces(image: Tensor, detector: BlazeFace, smallest: float = 0, finest: float = FINEST) -> Sightings:
    """Look for faces as `search` does; whatever is seen is told, smaller faces too.

    Searches of one `finest_scale` see the same.
    """
    suspected = without_duplicates(
        [
            face
            for level, scale in _pyramid(image, finest_scale(smallest, finest))
            for face in _suspects(level, scale, detector)
        ]
    )
    return _sighted(image, _worth_a_look(suspected, image), detector)


def finest_scale(smallest: float, finest: float = FINEST) -> float:
    """Size of the finest level that is looked at for boxes of ``smallest`` pixels, as a part of a large picture."""
    return min(_SMALLEST_LEVEL_FACE * BOX_SIDE / smallest, finest) if smallest > 0 else finest


def look_again(image: Tensor, found: Search, detector: BlazeFace, smallest: float = 0) -> list[Face]:
    """Look at the doubtful places of a search in a sharper copy of its picture.

    Returns:
        Faces that the search did not find, the highest scores first.
    """
    new = _sighted(image, found.doubtful, detector).of_size(smallest).faces
    known = [face.box for face in found.faces]
    return [face for face in new if all(overlap(face.box, box) <= LARGEST_OVERLAP for box in known)]


def look_closer(image: Tensor, suspected: Face, detector: BlazeFace, threshold: float = _THRESHOLD) -> Face | None:
    """Look at one place of a picture again, larger and upright; None if no face is there.

    Args:
        image: (1, 3, H, W), float32 in [-1, 1], on the CPU.
        suspected: Where.
        detector: The network.
        threshold: The lowest mean of the scores of the suspicion and of the two looks.
    """
    return _looked_closer(image, [suspected], detector, threshold)[0]


def _looked_closer(
    image: Tensor, suspected: Sequence[Face], detector: BlazeFace, threshold: float = _THRESHOLD
) -> list[Face | None]:
    """What `look_closer` makes of each of several places.

    All are cut out before the network sees the first: PyTorch's threads go on spinning for some milliseconds after
    their work, and would take the cores from OpenCV's at every turn.
    """
    seen: dict[int, list[Face]] = {number: [] for number in range(len(suspected))}
    placements = {number: Placement.of_box(face.box) for number, face in enumerate(suspected)}
    for size in _CLOSE_SIZES:
        views = {number: placement.grown(INPUT_SIDE / size) for number, placement in placements.items()}
        cuts = {
            number: cut(image, view, INPUT_SIDE, "bilinear")
            for number, view in views.items()
            if Window.about(view, *image.shape[-2:]) is not None
        }
        placements = {}
        for number, pixels in cuts.items():
            face = _nearest(detector.detect(pixels, _FAINT), views[number], size)
            if face is None or face.score < _HOPELESS:
                continue
            seen[number].append(face)
            if suspected[number].score + face.score + _HOPED >= _LOOKS * threshold:
                placements[number] = Placement.of_face(face)
    return [_proven(face, seen[number], threshold) for number, face in enumerate(suspected)]


def _proven(suspected: Face, looks: Sequence[Face], threshold: float) -> Face | None:
    """The face that was seen in all looks; None if it was not, or not in one place."""
    if len(looks) < len(_CLOSE_SIZES):
        return None
    first, second = looks
    if math.dist(first.center, second.center) > _LARGEST_DISAGREEMENT * second.size:
        return None
    score = float(np.mean([face.score for face in (suspected, *looks)]))
    return Face(second.box, second.landmarks, score) if score >= threshold else None


def _pyramid(image: Tensor, finest: float) -> Iterator[tuple[Tensor, float]]:
    """Levels of a picture and their scales, the finest first."""
    height, width = image.shape[-2:]
    coarsest = _COARSEST_SCALE * INPUT_SIDE / max(height, width)
    scale = max(finest, coarsest)
    level = image
    while True:
        # Each level from the one before: of a large picture the first takes most of the time.
        level = _resized(level, max(round(height * scale), 1), max(round(width * scale), 1))
        yield level, scale
        if scale <= coarsest:
            return
        scale = max(scale * _LEVEL_STEP, coarsest)


def _resized(image: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(image, (height, width), mode="bilinear", antialias=True)


def _suspects(level: Tensor, scale: float, detector: BlazeFace) -> list[Face]:
    """What may be faces in one level, in pixels of the picture."""
    height, width = level.shape[-2:]
    right, bottom = (max(INPUT_SIDE - side, 0) for side in (width, height))
    padded = F.pad(level, (0, right, 0, bottom), mode="replicate") if right or bottom else level
    suspects = []
    for top, left in product(_starts(height), _starts(width)):
        rows, columns = slice(top, top + INPUT_SIDE), slice(left, left + INPUT_SIDE)
        if level[..., rows, columns].numpy().std() < _FLAT:  # not PyTorch's: see `_looked_closer`
            continue
        for face in without_duplicates(detector.detect(padded[..., rows, columns], _SUSPICION).faces()):
            suspects.append(_moved(face, np.array([left, top]), 1 / scale))
    return suspects


def _starts(side: int) -> list[int]:
    """Where tiles begin along a side, evenly spread."""
    last = max(side - INPUT_SIDE, 0)
    count = math.ceil(last / (INPUT_SIDE - _OVERLAP)) + 1
    return [round(last * number / max(count - 1, 1)) for number in range(count)]


def _moved(face: Face, offset: NDArray[np.int64], scale: float) -> Face:
    left, top, width, height = face.box
    x, y = (np.array([left, top]) + offset) * scale
    return Face((float(x), float(y), width * scale, height * scale), (face.landmarks + offset) * scale, face.score)


def _sighted(image: Tensor, suspected: list[Face], detector: BlazeFace) -> Sightings:
    confirmed, doubtful = [], []
    for start in range(0, len(suspected), _TOGETHER):
        some = suspected[start : start + _TOGETHER]
        for one, face in zip(some, _looked_closer(image, some, detector), strict=True):
            if face is None:
                doubtful.append(one)
            else:
                confirmed.append(face)
    return Sightings(confirmed, doubtful)


def _worth_a_look(suspected: list[Face], image: Tensor) -> list[Face]:
    looks = _FEWEST_LOOKS + round(_LOOKS_PER_MEGAPIXEL * image.shape[-2] * image.shape[-1] / 1e6)
    strong = [face for face in suspected if face.score >= _STRONG]
    return strong + suspected[len(strong) : len(strong) + looks]


def _nearest(found: Detections, view: Placement, size: int) -> Face | None:
    """Of what was seen in a view that shows a face at ``size`` px the one in its middle, in pixels of the picture."""
    shifts = np.hypot(*(found.centers - (INPUT_SIDE / 2 + size * BOX_CENTER)).T)
    sizes = found.sizes / (BOX_SIDE * size)
    near = found.where((shifts < _LARGEST_SHIFT * size) & (sizes > _SIZE_RANGE[0]) & (sizes < _SIZE_RANGE[1]))
    if not len(near):
        return None
    best = near.face(int(near.scores.argmax()))
    landmarks = view.to_picture(best.landmarks / INPUT_SIDE - 0.5)
    x, y = view.to_picture(np.array([best.center]) / INPUT_SIDE - 0.5)[0]
    side = best.size * view.side / INPUT_SIDE
    return Face((float(x - side / 2), float(y - side / 2), side, side), landmarks, best.score)
