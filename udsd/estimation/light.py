"""Whether images were blurred in their grey levels or, as by a camera, in the light that these stand for.

Grey levels are a root of the light, which is steepest near black: an edge that was blurred in light is steepest near
the dark one of its sides, one that was blurred in levels midway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from udsd.degradation import BlurConfig, BlurSet
from udsd.estimation.likelihood import shares
from udsd.estimation.luminance import Luminance
from udsd.estimation.simulation import parts_of, simulated
from udsd.estimation.transfer import KERNEL_SIZE

UNKNOWN_SHARE = 0.5
"""Share of light that is assumed until it is known."""

_TYPICAL_GAMMA = 2.2
_AROUND = (7, 15, 31)
"""Sides in pixels of the squares whose darkest and lightest level an edge lies between."""

_POWERS = (1, 3)
"""Of the steepness, by which pixels count."""

_SOFTENED = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
_CONTRAST = 0.3
"""Squares of less than this share of the contrast of the busiest ones are left out."""

_RIDGE = 0.02
_ITERATIONS = 50
_PARTS = 400
"""Of blurred images that are looked at."""


def light_share(
    sharp: Sequence[Luminance], blurred: Sequence[Luminance], blurs: BlurSet, count: int, seed: Sequence[int]
) -> float:
    """Share of blurred images that were blurred in linear light; that of the others in their grey levels.

    Sharp images of the same domain are blurred both ways, a linear discriminant of where their edges are steepest tells
    the two apart, and expectation maximisation finds the share.

    Args:
        sharp: Luminances of sharp images.
        blurred: Those of blurred ones.
        blurs: What they were blurred by, to be drawn from.
        count: Images that are blurred in either way.
        seed: Of all randomness.
    """
    random = np.random.default_rng(seed)
    drawn = blurs.draw(count, random)
    kernels = drawn.kernels(KERNEL_SIZE)
    ways = [replace(drawn, gammas=np.full(count, gamma)) for gamma in (1.0, _TYPICAL_GAMMA)]
    levels, light = (simulated(edge_places, sharp, way, kernels, seed) for way in ways)
    observed = torch.stack([edge_places(part) for part, _ in parts_of(blurred, _PARTS, random)])
    scale = torch.cat([levels, light]).std(dim=0) + 1e-4
    levels, light, observed = levels / scale, light / scale, observed / scale
    difference = light.mean(dim=0) - levels.mean(dim=0)
    covariance = (torch.cov(levels.T) + torch.cov(light.T)) / 2
    direction = torch.linalg.solve(covariance + _RIDGE * torch.eye(len(scale)), difference)
    middle = (levels.mean(dim=0) + light.mean(dim=0)) / 2
    # Two normal distributions of the same covariance: the logarithm of their ratio is linear.
    evidence = (observed - middle) @ direction
    likelihoods = torch.stack([torch.zeros_like(evidence), evidence], dim=1)
    return float(shares(likelihoods, _ITERATIONS)[1])


def in_linear_light(blurs: BlurSet, share: float, random: np.random.Generator) -> BlurSet:
    """The blurs, of which a random share blurs light, by gammas as of `BlurConfig`, and the others grey levels."""
    chosen = random.random(len(blurs)) < share
    return replace(blurs, gammas=np.where(chosen, random.uniform(*BlurConfig().gamma, size=len(blurs)), 1.0))


def edge_places(luminance: NDArray[np.float32]) -> Tensor:
    """Where edges are steepest: from 0, at the darkest level of their surroundings, to 1, at the lightest.

    Args:
        luminance: (H, W) in grey levels from 0 to 255.

    Returns:
        float32 (9,). For surroundings of three sizes, the smallest first: the mean over pixels by their steepness, that
        by its cube, and that of all alike.
    """
    image = torch.from_numpy(luminance)[None, None]
    taps = torch.tensor(_SOFTENED)
    soft = F.pad(image, (2, 2, 2, 2), mode="replicate")
    soft = F.conv2d(F.conv2d(soft, taps.view(1, 1, 1, 5)), taps.view(1, 1, 5, 1))
    framed = F.pad(soft, (1, 1, 1, 1), mode="replicate")
    steepness = torch.hypot(
        framed[..., 1:-1, 2:] - framed[..., 1:-1, :-2], framed[..., 2:, 1:-1] - framed[..., :-2, 1:-1]
    )
    places = []
    for side in _AROUND:
        darkest, lightest = -_highest(-soft, side), _highest(soft, side)
        contrast = lightest - darkest
        place = (soft - darkest) / (contrast + 1)
        counted = contrast > _CONTRAST * torch.quantile(contrast[..., ::4, ::4], 0.9)
        weights = [counted * steepness**power for power in _POWERS] + [counted.float()]
        places += [(weight * place).sum() / (weight.sum() + 1e-3) for weight in weights]
    return torch.stack(places)


def _highest(image: Tensor, side: int) -> Tensor:
    """The highest value in a square around each pixel of (1, 1, H, W).

    Of spans that double: with PyTorch's pooling `edge_places` took seven times as long.
    """
    margin = side // 2
    highest = F.pad(image, (margin,) * 4, mode="replicate")
    for axis in (-1, -2):
        span = 1
        while span < side:
            step = min(span, side - span)
            length = highest.shape[axis] - step
            highest = torch.maximum(highest.narrow(axis, 0, length), highest.narrow(axis, step, length))
            span += step
    return highest
