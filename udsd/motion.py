"""How what a picture shows has moved in the next one: optical flow, and pictures moved along it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsd.extras import require

Pixels = NDArray[np.float32]
"""A picture (H, W, C), or a field of one value a pixel (H, W)."""

_SMALLEST_SIDE = 32
"""Pixels: DIS works on pyramids of patches of 8 pixels, and fails on less."""

_DISAGREEMENT = 1.0
"""Pixels by which the way to another picture and back may miss the place where it began."""


class MotionEstimator:
    """Estimates the motion between pictures of one size (dense inverse search, Kroeger et al. 2016, OpenCV's).

    It holds memory of its own, so that one thread at a time may use it.

    Raises:
        ConfigError: OpenCV cannot be imported.
    """

    def __init__(self) -> None:
        self._cv2: Any = require("cv2", "OpenCV")
        self._search = self._cv2.DISOpticalFlow_create(self._cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def flow(self, start: NDArray[np.uint8], end: NDArray[np.uint8]) -> Pixels:
        """Where each pixel of a picture lies in another.

        Args:
            start: (H, W), grey.
            end: (H, W), grey.

        Returns:
            (H, W, 2): by how many pixels to the right, and down. Zero for pictures too small to tell.
        """
        if min(start.shape) < _SMALLEST_SIDE:
            return np.zeros((*start.shape, 2), np.float32)
        flow: Pixels = self._search.calc(start, end, None)
        return flow

    def motion(self, start: NDArray[np.uint8], end: NDArray[np.uint8]) -> Motion:
        """The motion from a picture to another and back, by which it is checked; arguments as of `flow`."""
        return Motion(self.flow(start, end), self.flow(end, start))


class Motion:
    """The motion from a picture to another.

    Args:
        there: (H, W, 2): where each pixel of the first lies in the second, from its own place.
        back: The same from the second to the first.

    Attributes:
        there: As given.
        back: As given.
    """

    def __init__(self, there: Pixels, back: Pixels) -> None:
        self.there = there
        self.back = back

    def turned(self) -> Motion:
        """The motion from the second to the first."""
        return Motion(self.back, self.there)

    @cached_property
    def is_sure(self) -> NDArray[np.bool_]:
        """(H, W): where the first picture's pixels are seen in the second: the way back ends where it began.

        What moves out of the picture, or behind something, is not.
        """
        height, width = self.there.shape[:2]
        x, y = _places(self.there)
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        missed = self.there + moved(self.back, self.there, bilinear=True)
        squared = np.square(missed[..., 0]) + np.square(missed[..., 1])
        sure: NDArray[np.bool_] = inside & (squared < _DISAGREEMENT**2)
        return sure


def moved(end: Pixels, there: Pixels, *, bilinear: bool = False) -> Pixels:
    """The second picture as it lies in the first.

    Args:
        end: The second picture, (H, W) or (H, W, C).
        there: The motion from the first to it, (H, W, 2).
        bilinear: In two fifths of the time, and softer.

    Returns:
        Its values where the first picture's pixels lie in it (bicubic); beyond its border those of the border.
    """
    cv2 = require("cv2", "OpenCV")
    x, y = _places(there)
    interpolation = cv2.INTER_LINEAR if bilinear else cv2.INTER_CUBIC
    result: Pixels = cv2.remap(end, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE)
    return result


def _places(there: Pixels) -> tuple[Pixels, Pixels]:
    height, width = there.shape[:2]
    x = there[..., 0] + np.arange(width, dtype=np.float32)
    y = there[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return x.astype(np.float32, copy=False), y.astype(np.float32, copy=False)
