"""The faces of a clip from frame to frame: where each is, smoothed, and how large it is when it is restored, held."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from udsd.domains.faces.alignment import Placement, Window
from udsd.domains.faces.blazeface import BlazeFace
from udsd.domains.faces.face import Face, overlap
from udsd.domains.faces.restore import PlacedFace, placed
from udsd.domains.faces.search import look_closer
from udsd.domains.holding import Held

_SAME = 0.3
"""Share of the smaller of two boxes that they have in common, from which on they are of one face."""

_HINT = 0.2
"""Mean score by which a face that was not found where it is expected still counts as seen."""

_MOST_MISSED = 5
"""Frames for which a face is taken to be where it is expected although nothing is seen of it: blur comes and goes."""

_PLACE, _SPEED, _TURN = 0.5, 0.15, 0.3
"""How much a measurement counts for the place, the speed, and the size and angle (an alpha-beta filter, which does not
lag behind steady motion)."""

_JUMP = 0.25
"""Part of a face's side by which it may lie elsewhere than expected; beyond it nothing is smoothed."""


class _Track:
    """A face that is followed.

    Args:
        measured: As it was first seen.

    Attributes:
        face: As it was seen last, or where it is expected.
        placement: Its aligned crop, smoothed.
        path: Length of the camera's path that its blur looks like, in pixels.
        speed: How its middle moves from frame to frame, in pixels.
        missed: For how many frames nothing was seen of it.
        size: Side in pixels at which its crop is restored.
    """

    def __init__(self, measured: PlacedFace) -> None:
        self.face, self.placement, self.path = measured.face, measured.placement, measured.path
        self.speed: NDArray[np.float64] = np.zeros(2)
        self.missed = 0
        self.size = Held()
        self.size.add(measured.size)

    def expect(self) -> None:
        """Move to where the face is expected in the next frame."""
        x, y = self.speed
        left, top, width, height = self.face.box
        self.face = Face((left + x, top + y, width, height), self.face.landmarks + self.speed, self.face.score)
        middle = self.placement.center
        self.placement = Placement((middle[0] + x, middle[1] + y), self.placement.side, self.placement.angle)

    def see(self, measured: PlacedFace) -> None:
        """Take what was seen of the face in the frame for which it was expected."""
        self.face, self.path, self.missed = measured.face, measured.path, 0
        self.size.add(measured.size)
        expected, found = self.placement, measured.placement
        error = np.array(found.center) - np.array(expected.center)
        if np.linalg.norm(error) > _JUMP * expected.side:
            self.placement, self.speed = found, np.zeros(2)
            return
        x, y = np.array(expected.center) + _PLACE * error
        self.speed = self.speed + _SPEED * error
        side = expected.side * (found.side / expected.side) ** _TURN
        turn = (found.angle - expected.angle + 180) % 360 - 180
        self.placement = Placement((float(x), float(y)), side, expected.angle + _TURN * turn)

    def placed(self) -> PlacedFace:
        """The face for restoring."""
        return PlacedFace(self.face, self.placement, self.path, round(self.size.value))


class Tracks:
    """The faces of a clip.

    Args:
        trained_size: Side of the aligned crops that the model learnt from.
    """

    def __init__(self, trained_size: float) -> None:
        self._trained_size = trained_size
        self._tracks: list[_Track] = []

    def forget(self) -> None:
        """Begin anew, behind a cut."""
        self._tracks.clear()

    def begin(self, image: Tensor, faces: Sequence[Face]) -> list[PlacedFace]:
        """Follow faces from this frame on, and give them for restoring."""
        new = placed(image, faces, self._trained_size)
        self._tracks += map(_Track, new)
        return new

    def follow(self, image: Tensor, faces: Sequence[Face], detector: BlazeFace) -> list[PlacedFace]:
        """Take what was found in the next frame.

        Args:
            image: The frame, (1, 3, H, W), float32 in [-1, 1], on the CPU.
            faces: What was found in it.
            detector: What looks once more where a face is expected and was not found.

        Returns:
            The faces for restoring; those that are expected and not seen are among them for some frames.
        """
        unseen = list(faces)
        for track in self._tracks:
            track.expect()
            seen = _nearest(track.face, unseen)
            if seen is None:
                seen = look_closer(image, track.face, detector, _HINT)
            else:
                unseen.remove(seen)
            measured = [] if seen is None else placed(image, [seen], self._trained_size)
            if measured:
                track.see(measured[0])
            else:
                track.missed += 1
        height, width = image.shape[-2:]
        self._tracks = [
            track
            for track in self._tracks
            if track.missed <= _MOST_MISSED and Window.about(track.placement, height, width) is not None
        ]
        self.begin(image, unseen)
        return [track.placed() for track in self._tracks]


def _nearest(expected: Face, faces: Sequence[Face]) -> Face | None:
    """The face that is most likely the expected one."""
    same = [face for face in faces if overlap(face.box, expected.box) > _SAME]
    return min(same, key=lambda face: math.dist(face.center, expected.center), default=None)
