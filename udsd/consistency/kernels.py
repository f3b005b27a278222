"""The blur kernel that turns a restoration into its picture, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from udsd.consistency.spectra import energy, fast_shape, taper, transfer

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

_LEAST_SHARE = 0.2
"""Of what both halves of a picture show (`_share`), with which they are compared as they are: the one shows 2.6 times
what the other does. Where a page ends within a picture, the poorer half made a right kernel doubtful."""

_DIVISIBLE = 3 * SIZE
"""Pixels from which the shorter side of a picture is divided as well: blur may differ along it alone."""

_Halves = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True, eq=False)
class KernelEstimate:
    """A kernel, and what is uncertain about it.

    Attributes:
        kernel: (K, K), not negative, with a sum of 1.
        deviation: (K, K), by how much it may be off: half the difference of the kernels of both halves of the picture,
            which is small where they agree. Of a large picture the upper and lower halves are compared, and the left
            and the right ones, and those count that differ by more.
    """

    kernel: Tensor
    deviation: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """What is known of a kernel beforehand: that of the surroundings.

    Attributes:
        kernel: (K, K), not negative, with a sum of 1.
        weight: How much it counts at each frequency, as a part of the mean power of the restoration's gradients: where
            these have more, they decide.
    """

    kernel: Tensor
    weight: float


def estimate_kernel(restored: Tensor, blurred: Tensor, prior: Prior | None = None) -> KernelEstimate:
    """Find the kernel k with k * restored = blurred by regularised least squares on gradients.

    Args:
        restored: (H, W), grey, in any unit.
        blurred: The same, in the same unit.
        prior: The kernel to be expected; without one, none is more likely than another.
    """
    longer = 1 if restored.shape[1] >= restored.shape[0] else 0
    if min(restored.shape) < _DIVISIBLE:
        deviations = [_deviation(restored, blurred, prior, longer, instead=(0, 1))]
    else:
        deviations = [_deviation(restored, blurred, prior, axis, instead=(axis,)) for axis in (0, 1)]
    return KernelEstimate(fit_kernel(restored, blurred, prior), max(deviations, key=torch.linalg.vector_norm))


def fit_kernel(restored: Tensor, blurred: Tensor, prior: Prior | None = None) -> Tensor:
    """The kernel (K, K) of `estimate_kernel` alone."""
    kernel, _ = _fit(restored, blurred, prior)
    return kernel


def _deviation(restored: Tensor, blurred: Tensor, prior: Prior | None, axis: int, instead: tuple[int, ...]) -> Tensor:
    """Half the difference of the kernels (K, K) of both halves of a picture along an axis.

    Where one shows far more than the other, the picture is divided elsewhere, along one of the axes ``instead``.
    """
    halves = _fit_halves(restored, blurred, prior, axis, restored.shape[axis] // 2)
    if _share(halves) < _LEAST_SHARE and (place := _even_place(blurred, instead)) is not None:
        halves = _fit_halves(restored, blurred, prior, *place)
    (first, _), (second, _) = halves
    # A half that shows nothing knows nothing, and is no witness against the other.
    return (first - second) * _share(halves).sqrt()


def _even_place(blurred: Tensor, axes: tuple[int, ...]) -> tuple[int, int] | None:
    """Axis and place that divide a picture (H, W) into parts which show as much, the smaller one as large as may be.

    None if each part would be narrower than a kernel.
    """
    found = []
    for axis in axes:
        side = blurred.shape[axis]
        if side < 2 * SIZE:
            continue
        gradients = [blurred.diff(dim=along).square().sum(dim=1 - axis) for along in (0, 1)]
        shown = (gradients[axis] + gradients[1 - axis][: side - 1]).cumsum(dim=0)
        place = min(max(int((shown < shown[-1] / 2).sum()), SIZE), side - SIZE)
        found.append((min(place, side - place) / side, axis, place))
    return max(found)[1:] if found else None


def _fit_halves(restored: Tensor, blurred: Tensor, prior: Prior | None, axis: int, place: int) -> _Halves:
    """The kernels of both parts of a picture, divided at a place of an axis, and the powers that they are from."""
    parts = (0, place + _TAPER), (max(place - _TAPER, 0), restored.shape[axis])
    first, second = (
        _fit(restored.narrow(axis, start, stop - start), blurred.narrow(axis, start, stop - start), prior)
        for start, stop in ((begin, min(end, restored.shape[axis])) for begin, end in parts)
    )
    return first, second


def _share(halves: _Halves) -> Tensor:
    """The product of what both halves show, as a part of the square of its sum: at most a quarter."""
    (_, first), (_, second) = halves
    return first * second / (first + second).square().clamp_min(1e-12)


def _fit(restored: Tensor, blurred: Tensor, prior: Prior | None) -> tuple[Tensor, Tensor]:
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
    weight = mean * (_REGULARISATION if prior is None else prior.weight)
    if prior is not None:
        crossed = crossed + weight * transfer(prior.kernel, shape)
    kernel = torch.fft.irfft2(crossed / (power + weight + _FLOOR), s=shape)
    margin = SIZE // 2
    kernel = kernel.roll((margin, margin), (0, 1))[:SIZE, :SIZE]
    kernel = torch.where(kernel < _SMALLEST_PART * kernel.max(), 0, kernel).clamp_min(0)
    return kernel / kernel.sum().clamp_min(1e-6), mean
