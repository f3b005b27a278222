"""The blur kernel that turns a restoration into its picture, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from udsd.consistency.spectra import energy, fast_shape, taper

SIZE = 65
"""Side of the kernels in pixels: paths of 60 px reach some 30 px from their middle at most."""

_TAPER = 16
"""Pixels at the borders of a part over which it fades: what lies beyond them is in the one and not in the other."""

_REGULARISATION = 2e-2
"""Part of the mean power of the restoration's gradients that is added to each frequency's: where it has none, nothing
is learnt about the kernel."""

_FLOOR = 1e-4
"""Added to all powers, so that an empty part gives no kernel instead of none."""

_SMALLEST_PART = 0.07
"""Of a kernel's highest value; what is lower is taken for noise."""


@dataclass(frozen=True, slots=True, eq=False)
class KernelEstimate:
    """A kernel, and what is uncertain about it.

    Attributes:
        kernel: (K, K), not negative, with a sum of 1.
        deviation: (K, K), by how much it may be off: half the difference of the kernels of both halves of the picture,
            which is small where they agree.
    """

    kernel: Tensor
    deviation: Tensor


def estimate_kernel(restored: Tensor, blurred: Tensor) -> KernelEstimate:
    """Find the kernel k with k * restored = blurred by regularised least squares on gradients.

    Args:
        restored: (H, W), grey, in any unit.
        blurred: The same, in the same unit.
    """
    height, width = restored.shape
    axis, side = (1, width) if width >= height else (0, height)
    middle = side // 2
    halves = [
        _fit(restored.narrow(axis, start, stop - start), blurred.narrow(axis, start, stop - start))
        for start, stop in ((0, min(middle + _TAPER, side)), (max(middle - _TAPER, 0), side))
    ]
    whole, _ = _fit(restored, blurred)
    (first, first_power), (second, second_power) = halves
    # A half that shows nothing knows nothing, and is no witness against the other.
    share = first_power * second_power / (first_power + second_power).square().clamp_min(1e-12)
    return KernelEstimate(whole, (first - second) * share.sqrt())


def _fit(restored: Tensor, blurred: Tensor) -> tuple[Tensor, Tensor]:
    """A kernel, and the mean power of the gradients that it is from."""
    height, width = restored.shape
    fade = taper(height, width, _TAPER, restored.device)
    shape = fast_shape(height + SIZE, width + SIZE)
    crossed, power = torch.zeros((), device=restored.device), torch.zeros((), device=restored.device)
    for axis in (0, 1):
        of_restored, of_blurred = (
            torch.fft.rfft2((image - image.roll(1, axis)) * fade, s=shape) for image in (restored, blurred)
        )
        crossed = crossed + of_restored.conj() * of_blurred
        power = power + energy(of_restored)
    mean = power.mean()
    kernel = torch.fft.irfft2(crossed / (power + _REGULARISATION * mean + _FLOOR), s=shape)
    margin = SIZE // 2
    kernel = kernel.roll((margin, margin), (0, 1))[:SIZE, :SIZE]
    kernel = torch.where(kernel < _SMALLEST_PART * kernel.max(), 0, kernel).clamp_min(0)
    return kernel / kernel.sum().clamp_min(1e-6), mean
