"""Pages on other paper: tinted, shaded, and printed in fainter ink."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_DARKEST_PAPER = 0.7
_FAINTEST_INK = 0.4
_TINT = 0.08
"""By how much the channels of paper and ink lie apart, at most, in parts of white."""

_DEEPEST_SHADE = 0.3
"""Part of the light that is missing at the darkest border of a crop, at most."""


def on_other_paper(crops: Tensor, share: float, random: np.random.Generator, *, balanced: bool = False) -> Tensor:
    """Print some crops anew: white becomes another light colour, black a dark one, and a shade falls across.

    Args:
        crops: uint8 (B, 3, H, W).
        share: Probability that a crop is changed, from 0 to 1.
        random: Source of all randomness.
        balanced: The paper is scaled to white, as a model with white balance sees it. What is left is the faintness
            of the ink, and the shade.

    Returns:
        uint8 (B, 3, H, W).
    """
    return torch.stack([_print_anew(crop, random, balanced) if random.random() < share else crop for crop in crops])


def _print_anew(crop: Tensor, random: np.random.Generator, balanced: bool) -> Tensor:
    paper = _colour(random.uniform(_DARKEST_PAPER, 1), random)
    ink = _colour(random.uniform(0, _FAINTEST_INK), random)
    if balanced:
        paper, ink = torch.ones_like(paper), ink / paper
    printed = ink + (paper - ink) * (crop.float() / 255)
    light = 1 - random.uniform(0, _DEEPEST_SHADE) * _ramp(crop.shape[1], crop.shape[2], random.uniform(0, 2 * np.pi))
    levels: Tensor = (255 * printed * light).round()
    return levels.to(torch.uint8)


def _colour(brightness: float, random: np.random.Generator) -> Tensor:
    """(3, 1, 1) in [0, 1]."""
    channels = np.clip(brightness + random.uniform(-_TINT, _TINT, 3), 0, 1)
    return torch.from_numpy(channels).float()[:, None, None]


def _ramp(height: int, width: int, direction: float) -> Tensor:
    """(H, W) from 0 at one border or corner to 1 at the one across."""
    rows, columns = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
    ramp = rows * float(np.sin(direction)) + columns * float(np.cos(direction))
    return (ramp - ramp.min()) / (ramp.max() - ramp.min())
