"""What a blurred picture says of the sharp one beyond its restoration."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from udsd.consistency.kernels import SIZE, KernelEstimate
from udsd.consistency.spectra import energy, fast_shape, smoothed, taper, transfer

MARGIN = SIZE // 2
"""Pixels of the restoration around a part of the picture that a kernel brings into it."""

_TAPER = 8
"""Pixels at the borders over which the correction fades in: it has less to go by there."""

_BLIND = 1e-3
"""Power of a kernel's transfer under which a frequency has been lost: what is there is noise."""

_NOISE_QUANTILE = 0.9
"""Of the power at such frequencies, which is that of the noise. Noise of a picture that was enlarged or compressed is
stronger at some of them than at others."""

_BINS = 9
"""Frequencies over which powers are averaged in each direction; those of single ones are random."""

_COUNTED = 20_000
"""Frequencies that the quantile is of, which is as good as all."""

_SHARE_OF_NOISE = 0.5
"""Of the noise, that Wiener's filter reckons with: what it lets through is taken out again where there is no more."""

_AROUND, _CAUTION = 7, 1.5
"""Pixels a side over which a change is compared with noise, and how many times that it must exceed."""

_UNEXPLAINED = (0.15, 0.25)
"""Part of the difference between a picture and its restoration that the kernel leaves over. Up to the first a change is
made, from the second on none: the picture is not blurred then, and the difference is its noise."""

_WORSE = (1.1, 1.4)
"""The same for the part of that which a change leaves over: it has to become less."""

_DOUBT = (0.25, 0.35)
"""The same for the deviation of the kernel, as a part of it.

All three were chosen in November 2026 by 72 strips, faces and drawn plates with blur of all kinds, noise and JPEG: what
had lost 1 to 7 dB loses nothing, and what had won wins."""

_BACK = (0.15, 0.3)
"""The same for the part of the way from a restoration back to its picture that a change goes. The picture itself, with
a kernel of one pixel, explains the picture best of all, and a wrong kernel leads there. Of 250 strips and drawn pages
changes that were right went 0.135 of it at most, those that did most harm (3 and 5 dB) 0.43 and 0.67."""

_STRONGEST = 1e-3
"""Ratio of noise to error that is assumed at least: no frequency is amplified by more than 16."""


def correction(restored: Tensor, blurred: Tensor, again: Tensor, estimate: KernelEstimate) -> Tensor:
    """What to add to a restoration, so that it explains its picture as far as noise lets anybody know.

    Wiener's filter of the difference between the picture and the restoration blurred again. Its balance is between the
    error of the restoration, and noise: the picture's, and the difference that an error of the kernel makes. All of
    these are estimated from the difference itself, so that there is nothing to set. Where the kernel is doubtful or
    noise strong nothing is changed.

    Args:
        restored: (C, H + 2 M, W + 2 M) with M = `MARGIN`, in any unit.
        blurred: (C, H, W), the picture, in the same unit.
        again: The same of the restoration blurred again (`blurred_again`).
        estimate: The kernel.

    Returns:
        (C, H, W).
    """
    height, width = blurred.shape[-2:]
    shape = fast_shape(height + 2 * MARGIN, width + 2 * MARGIN)
    fade = taper(height, width, _TAPER, blurred.device)
    kernel = transfer(estimate.kernel, shape)
    power = energy(kernel)
    here = without_margin(restored)
    unexplained = blurred - again
    difference = torch.fft.rfft2(F.pad(unexplained * fade, [MARGIN] * 4), s=shape)
    found = smoothed(energy(difference).mean(dim=0), _BINS)
    noise = _noise(found, power) + _uncertainty(here * fade, estimate, shape)
    # Where all of it would be noise, no frequency holds more than was found there.
    noise = torch.where(found.mean() <= noise.mean(), torch.minimum(noise, found), noise)
    error = (found.mean() - noise.mean()).clamp_min(1e-9) / power.mean()
    gain = kernel.conj() / (power + (_SHARE_OF_NOISE * noise / error).clamp_min(_STRONGEST))
    change = torch.fft.irfft2(gain * difference, s=shape)
    change = change[..., MARGIN : MARGIN + height, MARGIN : MARGIN + width]
    # Parseval: of the frequencies that a transform of real values leaves out each has a twin.
    spread = 2 * (energy(gain) * noise).sum() / (shape[0] * shape[1]) / (height * width)
    change = _significant(change, spread)
    left = unexplained - _filtered(F.pad(change, [MARGIN] * 4), kernel)
    return change * _trust(change, blurred - here, unexplained, left, estimate)


def blurred_again(restored: Tensor, kernel: Tensor) -> Tensor:
    """A restoration (C, H + 2 M, W + 2 M) with M = `MARGIN`, blurred by a kernel (K, K), without its margin."""
    height, width = restored.shape[-2:]
    return _filtered(restored, transfer(kernel, fast_shape(height, width)))


def without_margin(image: Tensor) -> Tensor:
    """An image (C, H + 2 M, W + 2 M) with M = `MARGIN`, without it."""
    return image[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def _filtered(image: Tensor, kernel: Tensor) -> Tensor:
    """An image with `MARGIN` around it, filtered by the transfer function of a kernel, without the margin."""
    height, width = image.shape[-2:]
    shape = fast_shape(height, width)
    filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(image, s=shape) * kernel, s=shape)
    return without_margin(filtered[..., :height, :width])


def _trust(change: Tensor, at_first: Tensor, before: Tensor, after: Tensor, estimate: KernelEstimate) -> Tensor:
    """How much of a change is to be made, from 0 to 1.

    Args:
        change: To the restoration, (C, H, W).
        at_first: The picture less its restoration.
        before: The picture less its restoration blurred again.
        after: What is left of that with the change.
        estimate: The kernel.
    """
    changed, way, *rest = (
        part[..., _TAPER:-_TAPER, _TAPER:-_TAPER].mean(dim=0) for part in (change, at_first, before, after)
    )
    first, second, third = (part.square().mean() for part in (way, *rest))
    deviation = torch.linalg.vector_norm(estimate.deviation) / torch.linalg.vector_norm(estimate.kernel).clamp_min(1e-6)
    back = (changed * way).mean() / first.clamp_min(1e-12)
    measured = (second / first.clamp_min(1e-12), third / second.clamp_min(1e-12), deviation, back)
    trust = torch.ones((), device=before.device)
    for value, (sure, never) in zip(measured, (_UNEXPLAINED, _WORSE, _DOUBT, _BACK), strict=True):
        trust = trust * ((never - value) / (never - sure)).clamp(0, 1)
    return trust


def _significant(change: Tensor, spread: Tensor) -> Tensor:
    """A change without what is no more than noise of a variance makes of it, such as that on empty paper.

    Lee's filter, by the energy of the change around each place.
    """
    local = F.avg_pool2d(change.square().mean(dim=0)[None, None], _AROUND, 1, _AROUND // 2, count_include_pad=False)[0]
    return change * (1 - _CAUTION * spread / local.clamp_min(1e-12)).clamp_min(0)


def _noise(found: Tensor, power: Tensor) -> Tensor:
    """Power of the noise, from what is found at frequencies that the blur has taken away."""
    blind = found[power < _BLIND]
    if not len(blind):
        return found.min()
    return torch.quantile(blind[:: max(len(blind) // _COUNTED, 1)], _NOISE_QUANTILE)


def _uncertainty(restored: Tensor, estimate: KernelEstimate, shape: tuple[int, int]) -> Tensor:
    """Power of the difference that an error of the kernel would make, by frequency."""
    centred = restored - restored.mean(dim=(1, 2), keepdim=True)
    shown = energy(torch.fft.rfft2(centred, s=shape)).mean(dim=0)
    return smoothed(energy(transfer(estimate.deviation, shape)) * shown, _BINS)
