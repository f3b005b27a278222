"""Blur transfer: the blur of one image laid on another, b_s = G_B(E_S^c(s), E^b(b))."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from claims_probes import BlurredCrops
from torch import Tensor

from udsd.evaluation.contact_sheet import write_sheet
from udsd.images.levels import to_array
from udsd.training.networks import TrainingNetworks

PAIRS = 64
SHOWN = 5


def measure_transfer(networks: TrainingNetworks, crops: BlurredCrops, picture: Path) -> dict[str, Any]:
    """Lay the blur of crops on other crops, and compare with what their true kernels make of these.

    Returns:
        Mean PSNR in dB against the true result of ``moved``, the transferred blur; ``exchanged``, the blur of another
        crop; and ``sharp``, no blur at all. If z tells the blur and G_B obeys, ``moved`` is the highest.
    """
    lengths, angles = crops.motions(PAIRS, 5)
    blurred = crops.blur(crops.contents(PAIRS, 5), lengths, angles, 5)
    others = crops.contents(PAIRS, 6)
    true = crops.blur(others, lengths, angles, 6, noise=0.0)
    still = np.zeros_like(lengths)
    sharp = crops.blur(others, still, still, 6, noise=0.0)
    networks.eval()
    with torch.inference_mode(), torch.random.fork_rng([]):
        torch.manual_seed(0)  # a path branch adds noise
        codes, _ = networks.deblur_model.encode_blur(blurred)
        moved = networks.blur(sharp, codes)
        exchanged = networks.blur(sharp, codes.roll(1, dims=0))
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
