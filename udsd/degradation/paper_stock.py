"""Pages reprinted on other paper: tinted, unevenly lit, in fainter ink."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_DARKEST_PAPER = 0.7
_FAINTEST_INK = 0.4
_TINT = 0.08
"""Largest deviation of a channel of paper or ink from its brightness, in parts of white."""

_DEEPEST_SHADE = 0.3
"""Largest part of the light that is missing at the darkest border or corner of a crop."""


def on_other_paper(crops: Tensor, share: float, random: np.random.Generator) -> Tensor:
    """Reprint some crops: white becomes another light colour, black another dark one, the light falls off to a side.

    Args:
        crops: uint8 (B, 3, H, W).
        share: Probability that a crop is changed, from 0 to 1.
        random: Source of all randomness.

    Returns:
        uint8 (B, 3, H, W).
    """
    return torch.stack([_reprint(crop, random)[0] if random.random() < share else crop for crop in crops])


def on_other_balanced_paper(
    crops: Tensor, gains: Tensor, share: float, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Like `on_other_paper`, of crops that are scaled to white by gains (`udsd.models.white`) after they are blurred.

    Args:
        crops: uint8 (B, 3, H, W), not yet scaled. What a gain makes brighter than white is printed as white.
        gains: float32 (B, 3, 1, 1), those of the images that the crops are from.
        share: Probability that a crop is changed, from 0 to 1.
        random: Source of all randomness.

    Returns:
        The crops, and the gains that scale the paper of each to white.
    """
    results = []
    for crop, gain in zip(crops, gains, strict=True):
        if random.random() < share:
            printed, paper = _reprint(crop * gain, random)
            results.append((printed, 1 / paper))
        else:
            results.append((crop, gain))
    printed_crops, printed_gains = zip(*results, strict=True)
    return torch.stack(printed_crops), torch.stack(printed_gains)


def _reprint(crop: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A crop of grey levels (3, H, W) in uint8, and the colour of its paper, (3, 1, 1) in [0, 1]."""
    paper = _colour(random.uniform(_DARKEST_PAPER, 1), random)
    ink = _colour(random.uniform(0, _FAINTEST_INK), random)
    printed = ink + (paper - ink) * (crop.float() / 255).clamp(max=1)
    light = 1 - random.uniform(0, _DEEPEST_SHADE) * _ramp(crop.shape[1], crop.shape[2], random.uniform(0, 2 * np.pi))
    levels: Tensor = (255 * printed * light).round()
    return levels.to(torch.uint8), paper


def _colour(brightness: float, random: np.random.Generator) -> Tensor:
    """A random colour of about that brightness, (3, 1, 1) in [0, 1]."""
    channels = np.clip(brightness + random.uniform(-_TINT, _TINT, 3), 0, 1)
    return torch.from_numpy(channels).float()[:, None, None]


def _ramp(height: int, width: int, direction: float) -> Tensor:
    """A linear ramp (H, W) from 0 at one border or corner to 1 at the opposite one; ``direction`` in radians."""
    rows, columns = (torch.linspace(-1, 1, side, dtype=torch.float32) for side in (height, width))
    ramp = rows[:, None] * float(np.sin(direction)) + columns * float(np.cos(direction))
    return (ramp - ramp.min()) / (ramp.max() - ramp.min())
