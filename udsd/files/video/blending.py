"""Frames without flicker: each is the mean of its neighbours, moved along the motion to where it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from udsd.extras import require
from udsd.files.video.frames import Pixels
from udsd.motion import MotionEstimator, moved

REACH = 2
"""Frames before and after one that count for it. Measured in November 2026 on a page behind a blur that changes by
frame: +0.7 dB with one on each side, +1.0 dB with two, +1.1 dB with three, at half of `_ALIKE`; at all of it, +1.3 dB
with two."""

_ALIKE = 30.0
"""Difference in levels of 255 at which a neighbour counts for a third: where what is seen is not the same."""

_WINDOW = 7
"""Pixels, side of the square in which differences are averaged."""

_LARGEST_LOOKED_AT = 300_000
"""Pixels: the motion between larger frames is estimated on smaller copies of them."""

_WHITE = 255.0


class _Waiting:
    """A frame whose neighbours have not all come.

    Args:
        number: Which.
        pixels: RGB (H, W, 3), uint8 or uint16.

    Attributes:
        number: Which.
        values: As it came, float32 (H, W, 3) in levels of 255.
        grey: Smaller, uint8 (h, w).
        total: Sum of the frames that count for it, by their weights.
        weight: Sum of the weights, float32 (H, W).
        dtype: Of its pixels.
    """

    def __init__(self, number: int, pixels: Pixels) -> None:
        self.number, self.dtype = number, pixels.dtype
        self.values: NDArray[np.float32] = pixels.astype(np.float32)
        if (white := np.iinfo(pixels.dtype).max) != _WHITE:
            self.values *= np.float32(_WHITE / white)
        self.grey = _small_grey(self.values)
        # Its own weight is 1.
        self.total, self.weight = self.values.copy(), np.ones(self.values.shape[:2], np.float32)


class Blender:
    """Gives frames back in their order, a few behind, each blended with its neighbours along the motion.

    The motion is estimated between restored frames. A neighbour counts where the motion is sure, and where it then
    looks alike: behind a cut nothing does, and what stands still and is restored alike stays as it is.

    Args:
        reach: Frames before and after one that count for it; 0 gives each back as it came.
    """

    def __init__(self, reach: int = REACH) -> None:
        self._reach = reach
        self._waiting: deque[_Waiting] = deque()
        self._estimator = MotionEstimator() if reach else None

    def push(self, number: int, pixels: Pixels) -> Iterator[tuple[int, Pixels]]:
        """Take the next frame, and give those whose neighbours have all come.

        Args:
            number: Which.
            pixels: RGB (H, W, 3), uint8 or uint16.
        """
        if self._estimator is None:
            yield number, pixels
            return
        new = _Waiting(number, pixels)
        for other in self._waiting:
            _count(new, other, self._estimator)
        self._waiting.append(new)
        if len(self._waiting) > self._reach:
            yield _blended(self._waiting.popleft())

    def rest(self) -> Iterator[tuple[int, Pixels]]:
        """The last frames."""
        while self._waiting:
            yield _blended(self._waiting.popleft())


def _count(first: _Waiting, second: _Waiting, estimator: MotionEstimator) -> None:
    """Have two frames count for each other."""
    cv2 = require("cv2", "OpenCV")
    motion = estimator.motion(first.grey, second.grey)
    for one, other, way in ((first, second, motion), (second, first, motion.turned())):
        # Softer, neighbours bring less of the networks' errors, and of detail. Measured in November 2026, all of them
        # bicubic, the outer ones bilinear, all bilinear: a page 28.0, 28.5, 28.6 dB, a portrait 31.3, 31.1, 31.0 dB.
        outer = abs(one.number - other.number) > 1
        seen = moved(other.values, _enlarged(way.there, one.values.shape), bilinear=outer)
        weight = _likeness(one.values, seen) * _resized(way.is_sure.astype(np.float32), one.values.shape)
        one.weight += weight
        # OpenCV multiplies and adds in one go, and NumPy is slow where the last axis has three values.
        cv2.accumulateProduct(seen, cv2.merge([weight] * 3), one.total)


def _blended(frame: _Waiting) -> tuple[int, Pixels]:
    cv2 = require("cv2", "OpenCV")
    white = np.iinfo(frame.dtype).max
    mean: NDArray[np.float32] = cv2.divide(frame.total, cv2.merge([frame.weight] * 3))
    np.maximum(mean, 0, out=mean)
    if frame.dtype == np.uint8:
        return frame.number, cv2.convertScaleAbs(mean)  # rounds to the nearest, and limits to 255
    levels = np.minimum(np.rint(mean * np.float32(white / _WHITE)), white)
    return frame.number, levels.astype(frame.dtype)


def _likeness(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    cv2 = require("cv2", "OpenCV")
    difference = cv2.blur(cv2.cvtColor(cv2.absdiff(first, second), cv2.COLOR_RGB2GRAY), (_WINDOW, _WINDOW))
    likeness: NDArray[np.float32] = cv2.exp(cv2.multiply(difference, difference, scale=-1 / _ALIKE**2))
    return likeness


def _small_grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    cv2 = require("cv2", "OpenCV")
    grey = cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, (_LARGEST_LOOKED_AT / grey.size) ** 0.5)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small: NDArray[np.uint8] = np.clip(np.rint(grey), 0, _WHITE).astype(np.uint8)
    return small


def _enlarged(flow: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A flow for frames of a larger shape."""
    if flow.shape[:2] == shape[:2]:
        return flow
    down, right = (large / small for large, small in zip(shape[:2], flow.shape[:2], strict=True))
    return _resized(flow * np.array([right, down], np.float32), shape)


def _resized(field: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    if field.shape[:2] == shape[:2]:
        return field
    cv2 = require("cv2", "OpenCV")
    resized: NDArray[np.float32] = cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return resized
