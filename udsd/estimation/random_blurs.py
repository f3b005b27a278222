"""Random blurs of every kind, and variations of given ones, among which those that explain images are looked for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from udsd.degradation import PATH_POINTS, BlurSet, resampled, sample_camera_paths, straight_camera_paths
from udsd.degradation.blur_set import NOT_COMPRESSED
from udsd.estimation.transfer import KERNEL_SIZE

_SHORTEST, _LONGEST = 2.0, 60.0
_RADII = (0.5, 6.0)
_SIGMAS = (0.3, 2.5)
_MOST_NOISE = 12.0
_QUALITIES = (20.0, 97.0)
_FARTHEST = KERNEL_SIZE // 2 - 2
"""Pixels from its middle that a path may reach."""


def random_blurs(count: int, random: np.random.Generator) -> BlurSet:
    """Draw blurs of every kind: shake, straight motion, defocus, Gaussians, their mixtures, and none.

    Lengths are log-uniform from 2 to 60 px; four fifths have motion, half of those straight.
    """
    lengths = np.exp(random.uniform(math.log(_SHORTEST), math.log(_LONGEST), size=count))
    paths = sample_camera_paths(lengths, random)
    straight = random.random(count) < 0.5
    paths[:, straight] = straight_camera_paths(lengths[straight], random)
    still = random.random(count) < 0.2
    paths[:, still] = 0
    defocused = random.random(count) < np.where(still, 0.6, 0.35)
    softened = random.random(count) < np.where(still & ~defocused, 0.7, 0.2)
    compressed = random.random(count) < 0.65
    return BlurSet(
        _within_reach(resampled(paths, PATH_POINTS)),
        np.where(defocused, random.uniform(*_RADII, size=count), 0),
        np.where(softened, random.uniform(*_SIGMAS, size=count), 0),
        _MOST_NOISE * random.random(count) ** 2,
        np.where(compressed, random.uniform(*_QUALITIES, size=count).round(), NOT_COMPRESSED),
        np.ones(count),
        np.full(count, 1 / count),
    )


def varied(blurs: BlurSet, random: np.random.Generator, strength: float = 1.0, switch: float = 0.3) -> BlurSet:
    """Vary blurs: longer and shorter, turned, with more and less of everything.

    Args:
        blurs: N of them.
        random: Source of all randomness.
        strength: 1 varies lengths by 12 % and directions by 7 degrees, as standard deviations.
        switch: Share of the shaken paths that become straight ones of the same extent, and the other way round.
    """
    count = len(blurs)

    def normal(deviation: float) -> NDArray[np.float64]:
        return deviation * strength * random.standard_normal(count)

    paths = _switched(blurs, random, switch)
    paths = paths * np.exp(normal(0.12)) * np.exp(1j * normal(0.12))
    noise = np.abs(blurs.noise * np.exp(normal(0.25)) + normal(0.4))
    qualities = np.where(blurs.qualities > 0, np.clip(blurs.qualities + normal(6), 10, 99).round(), NOT_COMPRESSED)
    return replace(
        blurs,
        paths=_within_reach(paths),
        radii=_varied_sizes(blurs.radii, normal(0.4), (0.3, 3.0), random, strength),
        sigmas=_varied_sizes(blurs.sigmas, normal(0.3), (0.2, 1.5), random, strength),
        noise=noise,
        qualities=qualities,
    )


def _varied_sizes(
    sizes: NDArray[np.float64],
    changes: NDArray[np.float64],
    fresh: tuple[float, float],
    random: np.random.Generator,
    strength: float,
) -> NDArray[np.float64]:
    """Sizes with their changes; a few of those that are 0 get one of the range ``fresh``, a few others become 0."""
    count = sizes.size
    added = np.where(random.random(count) < 0.08 * strength, random.uniform(*fresh, size=count), 0)
    kept = np.where(random.random(count) < 0.15 * strength, 0, np.maximum(sizes + changes, fresh[0]))
    return np.where(sizes > 0, kept, added)


def _switched(blurs: BlurSet, random: np.random.Generator, share: float) -> NDArray[np.complex128]:
    """Paths of which some shaken ones were made straight, and some straight ones shaken, in the same direction."""
    paths = blurs.paths.copy()
    chosen = (random.random(len(blurs)) < share) & blurs.moves
    straight = blurs.straight
    directions = np.exp(1j * np.radians(blurs.angles))
    extents = _extents(paths)
    even = np.linspace(-0.5, 0.5, len(paths))[:, None] * math.sqrt(12)  # of unit standard deviation
    for index in np.flatnonzero(chosen & ~straight):
        paths[:, index] = even[:, 0] * extents[index] * directions[index]
    indices = np.flatnonzero(chosen & straight)
    if indices.size:
        shaken = resampled(sample_camera_paths(np.maximum(blurs.lengths[indices], 1), random), len(paths))
        shaken = shaken - shaken.mean(axis=0)
        turned = np.exp(-0.5j * np.angle((shaken**2).mean(axis=0))) * directions[indices]
        paths[:, indices] = shaken * turned * extents[indices] / _extents(shaken)
    return paths


def _extents(paths: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Root mean square distance of each path's points from their centre."""
    return np.asarray(np.sqrt((np.abs(paths - paths.mean(axis=0)) ** 2).mean(axis=0)))


def _within_reach(paths: NDArray[np.complex128]) -> NDArray[np.complex128]:
    reach = np.maximum(np.abs(paths.real).max(axis=0), np.abs(paths.imag).max(axis=0))
    limited: NDArray[np.complex128] = paths * np.minimum(1, _FARTHEST / np.maximum(reach, 1e-6))
    return limited
