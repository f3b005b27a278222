from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from udsd.degradation.camera_paths import rasterize, sample_camera_paths, straight_camera_paths


class NoChance(np.random.Generator):
    """Draws zeros only: a camera that goes straight on."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self, size: Any = None, *_: Any) -> Any:  # type: ignore[override]
        return np.zeros(() if size is None else size)

    def standard_normal(self, size: Any = None, *_: Any) -> Any:  # type: ignore[override]
        return np.zeros(() if size is None else size)


def test_no_path_leaves_its_mean_by_more_than_half_its_length() -> None:
    lengths = np.linspace(0, 60, 300)
    paths = sample_camera_paths(lengths, np.random.default_rng(0))
    assert (np.abs(paths).max(axis=0) <= lengths / 2 + 1e-9).all()
    np.testing.assert_allclose(paths.mean(axis=0), 0, atol=1e-9)


def test_the_path_is_as_long_as_asked() -> None:
    lengths = np.array([0.0, 3.0, 60.0])
    straight = sample_camera_paths(lengths, NoChance())
    np.testing.assert_allclose(np.abs(straight[-1] - straight[0]), lengths)
    bent = sample_camera_paths(lengths, np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(np.diff(bent, axis=0)).sum(axis=0), lengths)


def test_paths_bend_and_differ() -> None:
    ends = sample_camera_paths(np.full(50, 60.0), np.random.default_rng(0))[[0, -1]]
    reach = np.abs(ends[1] - ends[0])
    assert (reach < 30).sum() > 5
    assert (reach > 30).sum() > 5


def test_now_and_then_a_shake_turns_the_camera_about() -> None:
    velocities = np.diff(sample_camera_paths(np.full(100, 60.0), np.random.default_rng(0)), axis=0)
    turns = np.cos(np.angle(velocities[1:] / velocities[:-1]))
    # A shake has a probability of 0.2 * 0.012 / 4 at each of the 2000 steps on average.
    assert 60 < (turns < -0.3).sum() < 240


def test_straight_paths_are_lines_of_the_asked_length_through_their_middle() -> None:
    lengths = np.array([0.0, 12.0, 60.0])
    paths = straight_camera_paths(lengths, np.random.default_rng(0))
    ends = paths[-1] - paths[0]
    np.testing.assert_allclose(np.abs(ends), lengths)
    np.testing.assert_allclose(paths.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.diff(paths, axis=0), np.broadcast_to(ends / 1999, (1999, 3)), atol=1e-9)


def test_straight_paths_go_in_all_directions() -> None:
    paths = straight_camera_paths(np.full(400, 10.0), np.random.default_rng(0))
    angles = np.angle(paths[-1] - paths[0]) % math.pi
    assert np.histogram(angles, bins=4, range=(0, math.pi))[0].min() > 60


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (0, [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        (0.5, [[0, 0, 0], [0, 0.5, 0.5], [0, 0, 0]]),
        (0.5j, [[0, 0, 0], [0, 0.5, 0], [0, 0.5, 0]]),
        (-0.25 - 0.5j, [[0.125, 0.375, 0], [0.125, 0.375, 0], [0, 0, 0]]),
    ],
)
def test_points_between_pixels_are_shared_out(point: complex, expected: list[list[float]]) -> None:
    np.testing.assert_allclose(rasterize(np.array([[point]], dtype=complex), 3)[0], expected)


def test_each_path_is_drawn_into_its_own_kernel() -> None:
    paths = np.array([[0, 1, 1j], [0, 1, -1j]])
    kernels = rasterize(paths, 5)
    expected: NDArray[np.float32] = np.zeros((3, 5, 5), np.float32)
    expected[0, 2, 2] = expected[1, 2, 3] = 1
    expected[2, 3, 2] = expected[2, 1, 2] = 0.5
    np.testing.assert_array_equal(kernels, expected)


def test_paths_are_those_of_the_markov_process() -> None:
    """Step by step and camera by camera, with plain numbers, as Boracchi and Foi's Section IV describes it."""
    lengths = [0.0, 7.5, 60.0]
    found = sample_camera_paths(lengths, np.random.default_rng(2))
    random = np.random.default_rng(2)
    anxieties = 0.012 * random.random(3)
    shares = [random.random(3) for _ in range(3)]
    noise, shaken, angles = random.standard_normal((2000, 3, 2)), random.random((2000, 3)), random.random((2000, 3))
    directions = random.random(3)
    for camera, (length, anxiety) in enumerate(zip(lengths, anxieties, strict=True)):
        shake_probability, noise_strength, pull = (
            highest * share[camera] * anxiety for highest, share in zip((0.2, 10.0, 0.7), shares, strict=True)
        )
        step = length / 1999
        velocity, position, path = cmath.exp(2j * math.pi * directions[camera]), 0j, [0j]
        for index in range(1, 2000):
            change = noise_strength * complex(*noise[index, camera]) - pull * position * step
            if shaken[index, camera] < shake_probability:  # about turn, give or take half a radian, at twice the speed
                change += 2 * velocity * cmath.exp(1j * (math.pi + angles[index, camera] - 0.5))
            velocity = (velocity + change) / abs(velocity + change)
            position += velocity
            path.append(position)
        expected = np.array(path) * step
        np.testing.assert_allclose(found[:, camera], expected - expected.mean(), atol=1e-6)


def test_paths_have_two_thousand_points() -> None:
    random = np.random.default_rng(0)
    assert sample_camera_paths([1.0], random).shape == straight_camera_paths([1.0], random).shape == (2000, 1)
