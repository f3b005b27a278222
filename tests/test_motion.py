from __future__ import annotations

import cv2
import numpy as np
import pytest

from udsd.motion import MotionEstimator, moved


def spots(size: int = 120) -> np.ndarray:
    random = np.random.default_rng(0)
    return cv2.GaussianBlur(random.integers(0, 256, (size, size)).astype(np.float32), (0, 0), 3) * 4 - 380


@pytest.mark.parametrize("shift", [(4, 0), (0, -3), (2, 5)])
def test_a_shift_is_found_and_undone(shift: tuple[int, int]) -> None:
    wall = np.clip(spots(), 0, 255).astype(np.uint8)
    right, down = shift
    first = wall[10:100, 10:100]
    second = wall[10 - down : 100 - down, 10 - right : 100 - right]
    motion = MotionEstimator().motion(np.ascontiguousarray(first), np.ascontiguousarray(second))
    inner = motion.there[15:-15, 15:-15]
    np.testing.assert_allclose(inner.mean(axis=(0, 1)), shift, atol=0.2)
    back = moved(second.astype(np.float32), motion.there)
    assert np.abs(back - first)[15:-15, 15:-15].mean() < 2
    assert motion.is_sure[15:-15, 15:-15].mean() > 0.95
    np.testing.assert_array_equal(motion.turned().there, motion.back)


def test_what_leaves_the_picture_is_not_sure() -> None:
    wall = np.clip(spots(), 0, 255).astype(np.uint8)
    motion = MotionEstimator().motion(np.ascontiguousarray(wall[:, 20:]), np.ascontiguousarray(wall[:, :-20]))
    assert not motion.is_sure[:, -15:].any()


def test_tiny_pictures_do_not_move() -> None:
    tiny = np.zeros((9, 40), np.uint8)
    assert not MotionEstimator().flow(tiny, tiny).any()
