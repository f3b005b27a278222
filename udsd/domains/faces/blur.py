"""How far a face is blurred, and at which size the networks therefore restore it best."""

from __future__ import annotations

import math

import torch
from torch import Tensor

MEASURED_SIDE = 160
"""Side in pixels of the aligned crop whose blur is measured."""

_BANDS = ((3, 8), (8, 20), (20, 48))
"""Frequencies in periods per crop side: coarse, middle and fine detail of a face."""

_WEIGHTS = (0.129, -0.263, -0.296)
_CONSTANT = 4.217
"""Log of the path length by the log energies of the bands: least squares over 250 faces of 48 to 320 px, scaled to 160,
behind paths of 10 to 60 px of the picture."""

_LUMA = (0.299, 0.587, 0.114)


def blur_length(crop: Tensor) -> float:
    """Estimate how long the camera's path was from one aligned face.

    Sharp faces that are aligned have nearly the same spectrum, so that what is missing of it tells the blur.

    Args:
        crop: (1, 3, 160, 160), float32 in [-1, 1].

    Returns:
        The path's length in pixels of the crop; for two of three faces right within a factor of 1.5.
    """
    luma = torch.tensordot(torch.tensor(_LUMA, dtype=torch.float32), crop[0], dims=1)
    window = torch.hann_window(MEASURED_SIDE, periodic=False, dtype=torch.float32)
    window = window[:, None] * window
    centered = (luma - (luma * window).sum() / window.sum()) * window
    energy = torch.fft.fft2(centered).abs().square()
    frequency = torch.fft.fftfreq(MEASURED_SIDE, 1 / MEASURED_SIDE, dtype=torch.float32)
    radius = torch.hypot(frequency[:, None], frequency)
    logs = [math.log(float(energy[(radius >= low) & (radius < high)].mean()) + 1e-6) for low, high in _BANDS]
    return math.exp(_CONSTANT + sum(weight * log for weight, log in zip(_WEIGHTS, logs, strict=True)))
