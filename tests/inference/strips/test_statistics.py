from __future__ import annotations

import pytest
import torch

from udsd.inference.strips.statistics import Statistics


def test_statistics_of_bfloat16_are_not_rounded_to_it() -> None:
    values = (torch.randn(1, 5, 50, 70, generator=torch.Generator().manual_seed(1)) + 3).bfloat16()
    statistics = Statistics()
    statistics.add(values.contiguous(memory_format=torch.channels_last))
    mean, variance = statistics.by_channel()
    exact = values.double()
    torch.testing.assert_close(mean.double(), exact.mean(dim=(0, 2, 3)), rtol=1e-5, atol=0)
    torch.testing.assert_close(variance.double(), exact.var(dim=(0, 2, 3), correction=0), rtol=1e-4, atol=0)


@pytest.mark.parametrize("split", [1, 3, 50])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_statistics_of_strips_are_those_of_the_whole(split: int, offset: float) -> None:
    values = torch.randn(1, 5, 50, 70, generator=torch.Generator().manual_seed(1)) + offset
    values = values.contiguous(memory_format=torch.channels_last)
    statistics = Statistics()
    for strip in values.split(split, dim=2):
        statistics.add(strip)
    mean, variance = statistics.by_channel()
    exact = values.double()
    torch.testing.assert_close(mean.double(), exact.mean(dim=(0, 2, 3)), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(variance.double(), exact.var(dim=(0, 2, 3), correction=0), rtol=1e-5, atol=1e-5)
    mean, variance = statistics.over_channels()
    assert mean.shape == variance.shape == (5,)
    torch.testing.assert_close(mean.double(), exact.mean().expand(5), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(variance.double(), exact.var(correction=0).expand(5), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("deviation", "flat"), [(0.0, True), (0.002, True), (0.005, False), (1.0, False)])
def test_a_map_is_flat_if_epsilon_outweighs_its_variance(deviation: float, flat: bool) -> None:
    statistics = Statistics()
    statistics.add(0.5 + deviation * torch.randn(1, 4, 20, 30, generator=torch.Generator().manual_seed(0)))
    assert statistics.is_flat() == flat
