"""What an image tells of its blur: its power spectrum in polar coordinates, its grid of JPEG blocks, its finest grain.

Blur multiplies the power spectrum of the sharp image, so it adds to the logarithm: what is learnt from one image of a
domain holds for the others.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

WINDOW = 256
"""Side in pixels of the largest part of an image that is looked at at once."""

_SPECTRA = ((64, 1.5 / 64, 0.48), (128, 1.2 / 128, 0.25))
"""Sides of the patches whose spectra are averaged, with the lowest and highest frequency of each."""

_RADII, _ANGLES = 20, 24

_FLOOR = 1e-7
"""Power below which a frequency counts as empty: far below the rounding to 256 levels."""

_BLOCK = 8
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.95)
_LARGEST_SAMPLE = 4000
_EQUAL = 0.004
"""Differences below this, half a grey level in [-1, 1], are none."""

SIZE = len(_SPECTRA) * _RADII * _ANGLES + 2 * 3 + len(_QUANTILES) + 2 + 1
"""Numbers in a signature."""


def signature(luminance: NDArray[np.float32]) -> Tensor:
    """The signature of an image, float32 (SIZE,).

    Args:
        luminance: (H, W) in grey levels from 0 to 255, of a few pixels at least.
    """
    image = torch.from_numpy(luminance).div(127.5).sub(1)
    spectra = [_log_power(image, *spectrum) for spectrum in _SPECTRA]
    right = (image[:, 1:] - image[:, :-1]).abs()
    down = (image[1:] - image[:-1]).abs()
    grid = [_blockiness(down), _blockiness(right.T)]
    equal = torch.stack([(right < _EQUAL).float().mean(), (down < _EQUAL).float().mean()])
    contrast = torch.log(image.std() + 1e-3)[None]
    return torch.cat([*spectra, *grid, _grain(image), equal, contrast])


def _log_power(image: Tensor, side: int, lowest: float, highest: float) -> Tensor:
    """Logarithm of the mean power spectrum of overlapping patches, at points of a polar grid."""
    height, width = image.shape
    if min(height, width) < side:
        padding = (0, max(0, side - width), 0, max(0, side - height))
        image = F.pad(image[None, None], padding, mode="replicate")[0, 0]
    patches = image.unfold(0, side, side // 2).unfold(1, side, side // 2).reshape(-1, side, side)
    patches = (patches - patches.mean(dim=(1, 2), keepdim=True)) * _hann(side)
    power = torch.fft.fft2(patches).abs().square().mean(dim=0).flatten() / side**2
    places, shares = _polar_grid(side, lowest, highest)
    return torch.log((power[places] * shares).sum(dim=0) + _FLOOR)


def _blockiness(steps: Tensor) -> Tensor:
    """Largest, second and least mean step of the eight phases of a JPEG block, by their mean: (3,)."""
    rows = len(steps) // _BLOCK * _BLOCK
    if not rows:
        return torch.ones(3)
    phases = steps[:rows].reshape(-1, _BLOCK, steps.shape[1]).mean(dim=(0, 2))
    phases = (phases / phases.mean().clamp_min(1e-4)).sort(descending=True).values
    return phases[[0, 1, -1]]


def _grain(image: Tensor) -> Tensor:
    """Logarithms of some quantiles of the absolute Laplacian: noise shows in the lowest."""
    inner = image[1:-1, 1:-1]
    laplacian = 4 * inner - image[:-2, 1:-1] - image[2:, 1:-1] - image[1:-1, :-2] - image[1:-1, 2:]
    values = laplacian.abs().flatten()
    sample = values[:: max(1, math.ceil(len(values) / _LARGEST_SAMPLE))]
    return torch.log(torch.quantile(sample, torch.tensor(_QUANTILES, dtype=torch.float32)) + 1e-3)


@functools.cache
def _hann(side: int) -> Tensor:
    window = torch.hann_window(side, periodic=True, dtype=torch.float32)
    return window[:, None] * window


@functools.cache
def _polar_grid(side: int, lowest: float, highest: float) -> tuple[Tensor, Tensor]:
    """Of each point the four places around it in a spectrum, and the share of each; both (4, points)."""
    radii = np.geomspace(lowest, highest, _RADII)[:, None] * side
    angles = np.arange(_ANGLES) * np.pi / _ANGLES
    across, down = (radii * np.cos(angles)).ravel(), (radii * np.sin(angles)).ravel()
    left, top = np.floor(across), np.floor(down)
    corners = [(left + right, top + below) for right in (0, 1) for below in (0, 1)]
    places = [(row.astype(np.int64) % side) * side + column.astype(np.int64) % side for column, row in corners]
    shares = [(1 - np.abs(across - column)) * (1 - np.abs(down - row)) for column, row in corners]
    return torch.from_numpy(np.stack(places)), torch.from_numpy(np.stack(shares)).float()
