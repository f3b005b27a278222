"""Crops without print: flat grounds, dark borders and dim pictures.

Crops are drawn where there is contrast, so that a network never learns to leave alone what has none, and shifts the
level of flat dark areas.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from udsd.images.levels import GREY_LEVEL
from udsd.models.white import DARKEST_GROUND

_KINDS, _SHARES = ("flat", "border", "dim"), (6 / 17, 8 / 17, 3 / 17)

_DARK_SHARE, _GREY_SHARE = 0.6, 0.6
"""Of the flat grounds; the others are of any level, and of any colour."""

_DARK = int(255 * DARKEST_GROUND) + 1
_LIGHTEST_BORDER = 90
"""Grey levels of 255, which are left out themselves."""

_NARROWEST_BORDER, _WIDEST_BORDER = 0.15, 0.85
"""Parts of the crop."""

_DIMMEST, _LEAST_DIM = 0.08, 0.96 * DARKEST_GROUND
"""Parts of its light that a dim picture has. White is then too dark to be a ground."""

_FLATTEST, _GRAIN = 0.3 * GREY_LEVEL, 0.5 * GREY_LEVEL
"""Standard deviations: up to which an image is given grain, in its liveliest channel, and of the grain."""


def some_without_print(
    crops: Tensor, gains: Tensor | None, share: float, random: np.random.Generator
) -> tuple[Tensor, Tensor | None]:
    """Take the print out of some crops, or all light but for a little.

    A third of these become flat, most of them dark or black; in nearly a half a dark border covers one side; the rest
    are as dim as a picture in which `udsd.models.white` finds no ground.

    Args:
        crops: uint8 (B, 3, H, W), not yet blurred.
        gains: float32 (B, 3, 1, 1), which scale each to white after it is blurred, as the model does it with the whole
            picture; None for no white balance.
        share: Probability that a crop is changed, from 0 to 1.
        random: Source of all randomness.

    Returns:
        The crops, and their gains: 1 where a picture has no ground, and no more than makes a flat ground white.
    """
    crops = crops.clone()
    gains = None if gains is None else gains.clone()
    for index, crop in enumerate(crops):
        if random.random() >= share:
            continue
        kind = random.choice(_KINDS, p=_SHARES)
        if kind == "border":
            _cover_side(crop, random)
            continue
        if kind == "dim":
            crop.copy_(crop.float() * random.uniform(_DIMMEST, _LEAST_DIM))
            ground = torch.zeros(3, 1, 1)
        else:
            ground = _flat_level(random)
            crop.copy_(ground)
        if gains is not None:
            gains[index] = _gain(gains[index], ground / 255)
    return crops, gains


def with_grain(images: Tensor) -> Tensor:
    """Give images of a single colour a faint noise, the same to all and each time; the others stay as they are.

    A map without variance is divided by the root of `udsd.models.blocks.NORM_EPSILON`, and so is its gradient: eleven
    norms in a row make it infinite, or so large that the momentum of an optimizer holds nothing else for long.

    Args:
        images: (B, 3, H, W) in [-1, 1], as the networks are shown them.

    Returns:
        (B, 3, H, W); noise may lead out of the range.
    """
    deviation = images.float().flatten(2).std(dim=2, correction=0).amax(dim=1)
    grain = _grain(tuple(images.shape[1:]), images.device).to(images.dtype)
    return torch.where((deviation < _FLATTEST)[:, None, None, None], images + grain, images)


@functools.lru_cache(maxsize=4)
def _grain(shape: tuple[int, ...], device: torch.device) -> Tensor:
    return (torch.randn(shape, generator=torch.Generator().manual_seed(0)) * _GRAIN).to(device)


def _flat_level(random: np.random.Generator) -> Tensor:
    """A colour (3, 1, 1) in grey levels of 255."""
    lightest = _DARK if random.random() < _DARK_SHARE else 256
    levels = random.integers(lightest, size=3)
    if random.random() < _GREY_SHARE:
        levels[:] = levels[0]
    return torch.from_numpy(levels).float()[:, None, None]


def _cover_side(crop: Tensor, random: np.random.Generator) -> None:
    """Cover a crop (3, H, W) with a dark grey from one of its sides on, in place."""
    level = int(random.integers(_LIGHTEST_BORDER))
    side, part = random.integers(4), random.uniform(_NARROWEST_BORDER, _WIDEST_BORDER)
    turned = crop.mT if side % 2 else crop
    wide = round(part * turned.shape[-1])
    (turned[..., :wide] if side < 2 else turned[..., -wide:]).fill_(level)


def _gain(gain: Tensor, ground: Tensor) -> Tensor:
    """The gain (3, 1, 1) of a crop that is all of one ground, (3, 1, 1) in [0, 1], in a page of another gain."""
    if ground.max() < DARKEST_GROUND:
        return torch.ones_like(gain)
    return torch.minimum(gain, 1 / ground.clamp_min(DARKEST_GROUND))
