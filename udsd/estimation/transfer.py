"""What a blur kernel leaves of each spatial frequency, and the few numbers that tell kernels apart by it.

The modulus of a kernel's Fourier transform is what the power spectrum of a blurred image shows. A kernel and its mirror
image have the same, and blur images alike to all but the closest look.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from udsd.degradation import BlurSet

KERNEL_SIZE = 81
"""Side in pixels of the kernels that are estimated."""

_RADII = 12
_ANGLES = 12
_LOWEST, _HIGHEST = 0.01, 0.4
"""Cycles per pixel."""

DIMENSIONS = 32
"""Numbers that a blur is described by; they hold 99 % of the variance among random blurs."""

DESCRIPTION = _RADII * _ANGLES + 3
"""Numbers in a description: transfer at each frequency, noise, and two for JPEG."""

_WEIGHT_OF_NOISE = 3.0
"""Noise and JPEG quality count as much as this many frequencies, each."""


def describe(blurs: BlurSet, kernels: Tensor) -> Tensor:
    """Describe N blurs by their transfer at 144 frequencies, by noise and by JPEG quality.

    Args:
        blurs: N of them.
        kernels: Theirs, (N, 81, 81).

    Returns:
        float32 (N, 147).
    """
    waves = _waves()
    parts = kernels.flatten(1) @ waves.T
    transfer = torch.hypot(*parts.chunk(2, dim=1))
    compressed = blurs.qualities > 0
    rest = [np.log(0.5 + blurs.noise), np.where(compressed, blurs.qualities / 100, 1), ~compressed]
    return torch.cat([transfer, torch.from_numpy(np.stack(rest, axis=1)).float()], dim=1)


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """The principal axes of descriptions, in which they have unit variance.

    Attributes:
        mean: (147,).
        scale: (147,), what descriptions are divided by.
        directions: (147, 32).
    """

    mean: Tensor
    scale: Tensor
    directions: Tensor

    @classmethod
    def of(cls, descriptions: Tensor) -> Axes:
        """The axes of some descriptions (N, 147)."""
        mean = descriptions.mean(dim=0)
        scale = descriptions.std(dim=0).clamp_min(1e-3)
        scale[_RADII * _ANGLES :] /= _WEIGHT_OF_NOISE
        _, sizes, directions = torch.linalg.svd((descriptions - mean) / scale, full_matrices=False)
        deviations = sizes[:DIMENSIONS] / math.sqrt(len(descriptions))
        return cls(mean, scale, directions[:DIMENSIONS].T / deviations.clamp_min(1e-4))

    def coordinates(self, descriptions: Tensor) -> Tensor:
        """Descriptions (N, 147) as coordinates (N, 32)."""
        return ((descriptions - self.mean) / self.scale) @ self.directions


@functools.cache
def _waves() -> Tensor:
    """Cosines and sines of the frequencies over a kernel, (2 * 144, 81 * 81)."""
    radii = np.geomspace(_LOWEST, _HIGHEST, _RADII)[:, None]
    angles = np.arange(_ANGLES) * np.pi / _ANGLES
    across, down = (radii * np.cos(angles)).ravel(), (radii * np.sin(angles)).ravel()
    offsets = np.arange(KERNEL_SIZE) - KERNEL_SIZE // 2
    phases = 2 * np.pi * (across[:, None, None] * offsets + down[:, None, None] * offsets[:, None])
    waves = np.concatenate([np.cos(phases), np.sin(phases)]).reshape(2 * _RADII * _ANGLES, -1)
    return torch.from_numpy(waves).float()
