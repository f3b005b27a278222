"""Blur kernels for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from udsd.degradation.blur import BlurConfig, BlurSampler
from udsd.degradation.kernels import apply_kernels, defocus_discs


def sampler(seed: int = 0, **settings: Any) -> BlurSampler:
    return BlurSampler(BlurConfig(**settings), np.random.default_rng(seed))


def out_of_focus(image: Tensor, radius: float = 4) -> Tensor:
    """An image (B, C, H, W), blurred by a disc, without its outermost seven pixels."""
    return apply_kernels(image, defocus_discs(torch.tensor([radius]), 15))


def delta(size: int, down: int = 0, right: int = 0) -> Tensor:
    """A kernel (1, size, size) that moves an image by whole pixels."""
    kernel = torch.zeros(1, size, size)
    kernel[0, size // 2 + down, size // 2 + right] = 1
    return kernel
