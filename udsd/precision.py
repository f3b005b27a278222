"""What a device computes in, where devices differ."""

from __future__ import annotations

import torch
from torch import Tensor

_WITHOUT_FLOAT64 = ("mps",)
"""Apple's GPUs have no such arithmetic."""

_UPDATES_STATISTICS = ("cpu", "cuda")
"""Devices for which PyTorch has the function that batch normalisation takes its statistics by."""


def widest_dtype(device: torch.device) -> torch.dtype:
    """The format in which sums of many numbers are kept: float64, or float32 where a device has nothing wider."""
    return torch.float32 if device.type in _WITHOUT_FLOAT64 else torch.float64


def mean_and_variance(block: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (C,) of each channel of a map (1, C, h, W), in float32, or in float64 if it has that."""
    dtype = torch.promote_types(block.dtype, torch.float32)
    if block.device.type not in _UPDATES_STATISTICS:
        variance, mean = torch.var_mean(block.to(dtype), dim=(0, 2, 3), correction=0)
        return mean, variance
    # PyTorch rounds the statistics that it returns to the block's own number format, unless it is given running
    # statistics to update.
    running = block.new_zeros(2, block.shape[1], dtype=dtype)
    mean, variance = torch.batch_norm_update_stats(block, running[0], running[1], 1.0)
    return mean, variance
