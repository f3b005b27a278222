"""Blurred pages whose sharp page and restoration are known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.blurs import sampler
from tests.typesetting import typeset_page
from udsd.consistency.curves import GREY_LEVELS, Curve
from udsd.degradation.kernels import apply_kernels, defocus_discs, gaussian_kernels
from udsd.images.levels import GREY_LEVEL

SIDE = 31
"""Of the kernels in pixels."""

DISC = defocus_discs(torch.tensor([4.0]), SIDE)[0]


def motion(length: float, seed: int = 0) -> Tensor:
    """The path of a shaken camera."""
    settings = {"path_length": (length, length), "noise": (0.0, 0.0), "defocus_probability": 0.0}
    (kernel,) = sampler(seed, **settings).kernels(1)
    return F.pad(kernel, [(SIDE - len(kernel)) // 2] * 4)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A page (3, H, W) as it was, as it came, and as a model may restore it: softer than it was."""

    sharp: Tensor
    blurred: Tensor
    soft: Tensor


def sharp_page(width: int, height: int, *, letters: int = 22, seed: int = 0) -> Tensor:
    """Black print on white, (3, height, width) in [-1, 1]."""
    page = torch.from_numpy(typeset_page(letters, (width, height), seed=seed))
    return (page.float() / 127.5 - 1).repeat(3, 1, 1)


def example(
    width: int,
    height: int,
    kernel: Tensor = DISC,
    *,
    letters: int = 22,
    colour: tuple[float, float, float] = (1, 1, 1),
    noise: float = 1,
    curve: Curve = GREY_LEVELS,
) -> Example:
    """A page on paper of a colour (from 0 to 1), and what a kernel and noise of so many grey levels make of it.

    ``curve`` tells what of it is blurred.
    """
    margin = SIDE // 2
    page = sharp_page(width + 2 * margin, height + 2 * margin, letters=letters)
    page = (page + 1) * torch.tensor(colour)[:, None, None] - 1
    sharp = page[:, margin:-margin, margin:-margin].contiguous()
    (blurred,) = curve.back(apply_kernels(curve.to_blurred(page[None]), kernel[None]))
    (softer,) = apply_kernels(page[None], gaussian_kernels(torch.tensor([2.5]), SIDE))
    blurred = blurred + noise * GREY_LEVEL * torch.randn(blurred.shape)
    return Example(sharp, blurred.clamp(-1, 1), (0.3 * sharp + 0.7 * softer).clamp(-1, 1))
