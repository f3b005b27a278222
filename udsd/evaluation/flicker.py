"""How much a clip flickers: what differs between neighbouring frames although nothing but the motion should."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udsd.errors import ImageError
from udsd.evaluation.metrics import Image, check_alike
from udsd.motion import MotionEstimator, moved


@dataclass(frozen=True, slots=True)
class FlickerScore:
    """The warped difference of neighbouring frames, in grey levels (0 to 255).

    Attributes:
        original: Of the clip that came.
        restored: Of what became of it.
    """

    original: float
    restored: float

    @property
    def ratio(self) -> float:
        """That of the result, as a part of that of the clip that came. Above 1 it flickers more."""
        return self.restored / self.original if self.original > 0 else float("inf" if self.restored > 0 else 1)


def flicker_score(restored: Iterable[Image], original: Iterable[Image]) -> FlickerScore:
    """Compare each frame with the one before it, moved along the motion to where it should be.

    Score: the mean of ``|frame - moved(frame before)|`` over all pixels that the motion tells for sure (the warping
    error of Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018). The motion is that of the original for
    both. A sharp clip scores above zero too: motion is known to a fraction of a pixel, and an edge that misses by that
    much differs. Memory is that of two frames.

    Args:
        restored: Its frames in their order, uint8 (H, W, 3) or (H, W).
        original: Those that came; as many, of the same shape.

    Raises:
        ImageError: There are fewer than two frames, or other numbers or shapes of them.
        ConfigError: OpenCV cannot be imported.
    """
    estimator = MotionEstimator()
    sums = np.zeros(2)
    count = 0
    last: tuple[Image, Image] | None = None
    try:
        for pair in zip(original, restored, strict=True):
            check_alike(*pair)
            if last is not None:
                check_alike(pair[0], last[0])
                motion = estimator.motion(_grey(pair[0]), _grey(last[0]))
                if motion.is_sure.any():
                    for place, (now, before) in enumerate(zip(pair, last, strict=True)):
                        sums[place] += _difference(now, before, motion.there, motion.is_sure)
                    count += 1
            last = pair
    except ValueError as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError("the two clips have different numbers of frames; give all of both") from error
    if count == 0:
        raise ImageError("there are fewer than two frames in which motion can be told; give a longer clip")
    means = sums / count
    return FlickerScore(float(means[0]), float(means[1]))


def _difference(now: Image, before: Image, there: NDArray[np.float32], is_sure: NDArray[np.bool_]) -> float:
    expected = moved(before.astype(np.float32), there)
    return float(np.abs(now.astype(np.float32) - expected)[is_sure].mean())


def _grey(image: Image) -> NDArray[np.uint8]:
    grey = image if image.ndim == 2 else np.rint(image.mean(axis=2)).astype(np.uint8)
    return np.ascontiguousarray(grey)
