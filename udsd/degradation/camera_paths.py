"""Camera paths during an exposure, and their rasterisation into blur kernels.

Random camera paths follow the Markov process of Boracchi and Foi ("Modeling the Performance of Image Restoration From
Motion Blur", IEEE TIP 2012, where they are called trajectories), which the paper uses for its blurred training data:
the camera moves at constant speed, its direction changes by noise, by a pull back to the start, and now and then by an
abrupt shake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

POINTS = 2000
"""Points of one path."""

_HIGHEST_ANXIETY = 0.012
"""Anxiety scales all changes of direction; each path draws its own, from 0 to this."""

_HIGHEST_SHAKE_PROBABILITY = 0.2
_HIGHEST_NOISE = 10.0
_HIGHEST_PULL = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class CameraPaths:
    """Paths of a shaken camera.

    Attributes:
        lengths: Length of each in pixels, (N,).
        positions: What `sample_camera_paths` returns for them, (2000, N).
    """

    lengths: NDArray[np.float64]
    positions: NDArray[np.complex128]


def sample_camera_paths(
    lengths: Sequence[float] | NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.complex128]:
    """Draw the paths of a shaken camera, all at once.

    Args:
        lengths: Length of each path in pixels.
        random: Source of randomness.

    Returns:
        Positions in pixels as complex numbers (x + iy), shape (2000, N), centred on their mean, so that the blur
        does not shift the image and a restored image can be compared with the sharp one.
    """
    step = np.asarray(lengths, dtype=float) / (POINTS - 1)
    count = step.size
    anxiety = _HIGHEST_ANXIETY * random.random(count)
    shake_probability = _HIGHEST_SHAKE_PROBABILITY * random.random(count) * anxiety
    noise_strength = _HIGHEST_NOISE * random.random(count) * anxiety
    pull = _HIGHEST_PULL * random.random(count) * anxiety

    # Positions and velocities are in units of each path's own step, so that one loop serves all lengths.
    noise = random.standard_normal((POINTS, count, 2)).view(np.complex128)[..., 0] * noise_strength
    shaken = random.random((POINTS, count)) < shake_probability
    turns = np.where(shaken, 2 * np.exp(1j * (np.pi + random.random((POINTS, count)) - 0.5)), 0)
    velocity = np.exp(2j * np.pi * random.random(count))
    positions = np.zeros((POINTS, count), dtype=np.complex128)
    for index in range(1, POINTS):
        here = positions[index - 1]
        velocity = velocity + velocity * turns[index] + noise[index] - pull * here * step
        velocity /= np.abs(velocity)
        positions[index] = here + velocity
    positions = positions * step
    centred: NDArray[np.complex128] = positions - positions.mean(axis=0)
    return centred


def straight_camera_paths(
    lengths: Sequence[float] | NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.complex128]:
    """Draw straight camera paths of random direction, at constant speed.

    Arguments and result are those of `sample_camera_paths`.
    """
    lengths = np.asarray(lengths, dtype=float)
    ends = lengths * np.exp(1j * random.uniform(0, np.pi, size=lengths.size))
    paths: NDArray[np.complex128] = np.linspace(-0.5, 0.5, POINTS)[:, None] * ends
    return paths


def rasterize(paths: NDArray[np.complex128], size: int) -> NDArray[np.float32]:
    """Draw camera paths into kernels with bilinear (sub-pixel) weights.

    Args:
        paths: Positions (T, N) as complex numbers in pixels, relative to the kernel's middle.
        size: Side of the kernels in pixels, odd, and large enough for all positions.

    Returns:
        Kernels (N, size, size), each summing to 1.
    """
    points, count = paths.shape
    x, y = paths.real + size // 2, paths.imag + size // 2
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    right_share, bottom_share = x - left, y - top
    corner = (np.arange(count) * size + top) * size + left
    corners = np.stack([corner, corner + 1, corner + size, corner + size + 1])
    weights = np.stack(
        [
            (1 - right_share) * (1 - bottom_share),
            right_share * (1 - bottom_share),
            (1 - right_share) * bottom_share,
            right_share * bottom_share,
        ]
    )
    drawn = np.bincount(corners.ravel(), weights.ravel() / points, minlength=count * size * size)
    return drawn.reshape(count, size, size).astype(np.float32)
