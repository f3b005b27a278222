"""Fourier transforms of parts of pictures and of kernels."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


def fast_shape(height: int, width: int) -> tuple[int, int]:
    """The next sides that a transform is fast of: those with no other prime factors than 2, 3 and 5."""
    return _fast_side(height), _fast_side(width)


@lru_cache(maxsize=1024)
def _fast_side(side: int) -> int:
    while True:
        rest = side
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return side
        side += 1


def energy(spectrum: Tensor) -> Tensor:
    """Squared magnitude of a complex tensor."""
    return spectrum.real.square() + spectrum.imag.square()


def transfer(kernel: Tensor, shape: tuple[int, int]) -> Tensor:
    """The transform of a kernel (K, K) about its middle pixel, for images of that shape: complex (H, W // 2 + 1)."""
    size = len(kernel)
    placed = F.pad(kernel, (0, shape[1] - size, 0, shape[0] - size))
    spectrum: Tensor = torch.fft.rfft2(placed.roll((-(size // 2), -(size // 2)), (0, 1)))
    return spectrum


def taper(height: int, width: int, reach: int, device: torch.device) -> Tensor:
    """1 inside and falling smoothly towards 0 over the last ``reach`` pixels at each border: float32 (H, W)."""
    rows, columns = (_ramp(side, reach, device) for side in (height, width))
    return rows[:, None] * columns


def _ramp(side: int, reach: int, device: torch.device) -> Tensor:
    place = torch.arange(side, device=device)
    share = (torch.minimum(place + 1, side - place).float() / reach).clamp_max(1)
    return share.square() * (3 - 2 * share)


def smoothed(power: Tensor, bins: int) -> Tensor:
    """A power spectrum (H, W // 2 + 1), averaged over squares of so many frequencies, an odd number."""
    margin = bins // 2
    around = F.pad(power[None, None], (0, 0, margin, margin), mode="circular")
    around = F.pad(around, (margin, margin, 0, 0), mode="replicate")
    return F.avg_pool2d(around, bins, 1)[0, 0]
