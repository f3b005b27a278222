"""Mean and variance of a feature map, merged from its strips."""

from __future__ import annotations

import torch
from torch import Tensor

from udsd.models.blocks import NORM_EPSILON
from udsd.precision import mean_and_variance, widest_dtype

_POSITIONS = 2048
"""Positions whose mean and variance are taken in float32. Over many more of them float32 loses digits."""


class Statistics:
    """Mean and variance of each channel of a feature map.

    They are taken in float32 over blocks of at most 2,048 positions (at least one row) and merged in float64, or in
    float32 where a device has nothing wider (Chan, Golub and LeVeque, 1979), so that the height of the strips hardly
    shows in them.
    """

    def __init__(self) -> None:
        self._count = 0
        self._dtype = torch.float32
        self._mean = torch.zeros(())
        self._squares = torch.zeros(())  # sum of squared distances from the mean

    def add(self, strip: Tensor) -> None:
        """Take in a strip (1, C, h, W)."""
        rows = max(_POSITIONS // strip.shape[3], 1)
        for block in torch.split(strip, rows, dim=2):
            self._add_block(block)

    def _add_block(self, block: Tensor) -> None:
        self._dtype = torch.promote_types(block.dtype, torch.float32)
        mean, variance = (one.to(widest_dtype(block.device)) for one in mean_and_variance(block))
        count = block.shape[2] * block.shape[3]
        if self._count == 0:
            self._count, self._mean, self._squares = count, mean, variance * count
            return
        total = self._count + count
        difference = mean - self._mean
        self._mean = self._mean + difference * (count / total)
        self._squares = self._squares + variance * count + difference.square() * (self._count * count / total)
        self._count = total

    def by_channel(self) -> tuple[Tensor, Tensor]:
        """Mean and variance (C,) of each channel, as instance normalisation takes them."""
        return self._mean.to(self._dtype), (self._squares / self._count).to(self._dtype)

    def over_channels(self) -> tuple[Tensor, Tensor]:
        """Mean and variance over all channels, each as (C,) equal values, as layer normalisation takes them."""
        mean = self._mean.mean()
        variance = (self._squares / self._count + (self._mean - mean).square()).mean()
        return mean.to(self._dtype).expand_as(self._mean), variance.to(self._dtype).expand_as(self._mean)

    def is_flat(self) -> bool:
        """Whether the variance is below the epsilon of the normalisation, as it is for a blank image.

        Normalisation then divides by the root of its epsilon, and so multiplies rounding errors, in every layer anew.
        """
        return bool((self._squares / self._count).mean() < NORM_EPSILON)
