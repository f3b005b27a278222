from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from udsd import ImageError
from udsd.evaluation import flicker_score
from udsd.evaluation.metrics import Image


def panning(count: int, step: int = 3) -> list[Image]:
    """A camera that moves over a wall of soft spots."""
    y, x = np.mgrid[:96, : 128 + step * count]
    wall = 127 + 60 * np.sin(x / 7) * np.cos(y / 9) + 40 * np.sin((x + 2 * y) / 23)
    wall = np.stack([wall, wall[::-1], wall], axis=2).astype(np.uint8)
    return [wall[:, step * number : step * number + 128] for number in range(count)]


def test_motion_alone_is_no_flicker() -> None:
    frames = panning(6)
    still = flicker_score(frames, frames)
    assert still.restored == still.original < 1
    assert np.mean([np.abs(one.astype(int) - other).mean() for one, other in pairwise(frames)]) > 10


def test_what_changes_from_frame_to_frame_is() -> None:
    frames = panning(6)
    brighter = [
        np.clip(frame.astype(int) + 8 * (number % 2), 0, 255).astype(np.uint8) for number, frame in enumerate(frames)
    ]
    score = flicker_score(iter(brighter), iter(frames))
    assert score.restored == pytest.approx(8, abs=1)
    assert score.ratio == pytest.approx(score.restored / score.original)
    assert flicker_score(frames, brighter).ratio < 0.2


def test_grey_clips_and_black_ones() -> None:
    frames = [frame[..., 0] for frame in panning(3)]
    assert flicker_score(frames, frames).ratio == 1
    black = [np.zeros((40, 40), np.uint8)] * 3
    assert flicker_score(black, black).ratio == 1


def test_what_cannot_be_compared_is_told() -> None:
    frames = panning(4)
    with pytest.raises(ImageError, match="different numbers of frames"):
        flicker_score(frames[:3], frames)
    with pytest.raises(ImageError, match="shape"):
        flicker_score([frame[:50] for frame in frames], frames)
    with pytest.raises(ImageError, match="fewer than two frames"):
        flicker_score(frames[:1], frames[:1])
    with pytest.raises(ImageError, match="uint8"):
        flicker_score([frame / 255 for frame in frames], frames)  # type: ignore[misc]
