"""Blur transfer: the blur of one image laid on another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from claims_probes import BlurredCrops
from torch import Tensor

from udsd.estimation import BlurEstimate, BlurEstimator, luminance
from udsd.evaluation.contact_sheet import write_sheet
from udsd.images.levels import to_array
from udsd.training.networks import TrainingNetworks

Lay = Callable[[Tensor, Tensor], Tensor]
"""Lays the blur of images b (N, 3, H, W) on images s (N, 3, H, W), each on one, in [-1, 1]."""

PAIRS = 64
SHOWN = 5


def by_networks(networks: TrainingNetworks) -> Lay:
    """b_s = G_B(E_S^c(s), E^b(b)), with the means of the codes."""
    networks.eval()

    def lay(blurred: Tensor, sharp: Tensor) -> Tensor:
        with torch.inference_mode(), torch.random.fork_rng([]):
            torch.manual_seed(0)  # a path branch adds noise
            return networks.blur(sharp, networks.deblur_model.encode_blur(blurred)[0])

    return lay


def by_estimator(estimator: BlurEstimator) -> Lay:
    """What `Deblurrer.reblur` does, which is no part of the method: estimate a kernel, and apply it."""

    def lay(blurred: Tensor, sharp: Tensor) -> Tensor:
        blurs = estimator.estimate([luminance(image) for image in blurred])
        estimates = [BlurEstimate.of(blurs, index) for index in range(len(blurs))]
        return torch.cat(
            [estimate.apply(image[None], noise=False) for estimate, image in zip(estimates, sharp, strict=True)]
        )

    return lay


def measure_transfer(lay: Lay, crops: BlurredCrops, picture: Path) -> dict[str, Any]:
    """Lay the blur of crops on other crops, and compare with what their true kernels make of these.

    Returns:
        Mean PSNR in dB against the true result of ``moved``, the transferred blur; ``exchanged``, the blur of another
        crop; and ``sharp``, no blur at all. If the blur is told and obeyed, ``moved`` is the highest.
    """
    lengths, angles = crops.motions(PAIRS, 5)
    blurred = crops.blur(crops.contents(PAIRS, 5), lengths, angles, 5)
    others = crops.contents(PAIRS, 6)
    true = crops.blur(others, lengths, angles, 6, noise=0.0)
    still = np.zeros_like(lengths)
    sharp = crops.blur(others, still, still, 6, noise=0.0)
    moved, exchanged = lay(blurred, sharp), lay(blurred.roll(1, dims=0), sharp)
    rows = [
        [
            (f"b: {lengths[pair]:.0f} px, {angles[pair]:.0f} deg", to_array(blurred[pair])),
            ("s", to_array(sharp[pair])),
            ("b_s: blur of b on s", to_array(moved[pair])),
            ("true kernel on s", to_array(true[pair])),
        ]
        for pair in range(SHOWN)
    ]
    write_sheet(rows, picture)
    return {
        "moved": _psnr(moved, true),
        "exchanged": _psnr(exchanged, true),
        "sharp": _psnr(sharp, true),
    }


def _psnr(images: Tensor, true: Tensor) -> float:
    """Mean over images (N, 3, H, W) in [-1, 1]."""
    errors = (images.clamp(-1, 1) - true).square().mean(dim=(1, 2, 3))
    return float((10 * torch.log10(4 / errors)).mean())
