from __future__ import annotations

import pytest
import torch
from torch import nn

from udsd.models.blocks import (
    NORM_EPSILON,
    InstanceNorm,
    LayerNorm,
    normalised_rows,
    reflected_rows,
    whole_norm,
)


def test_instance_norm_equals_torchs() -> None:
    features = torch.randn(2, 5, 7, 9) * 3 + 4
    expected = nn.functional.instance_norm(features)
    assert torch.allclose(InstanceNorm()(features), expected, atol=1e-5)
    channels_last = features.to(memory_format=torch.channels_last)
    result = InstanceNorm()(channels_last)
    assert torch.allclose(result, expected, atol=1e-5)
    assert result.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_instance_norm_takes_large_values_in_half_precision(dtype: torch.dtype) -> None:
    features = torch.randn(2, 5, 7, 9) * 3000 + 4000
    result = InstanceNorm()(features.to(dtype))
    assert result.dtype == dtype
    assert torch.allclose(result.float(), nn.functional.instance_norm(features), atol=0.05)


def test_layer_norm_normalises_over_channels_and_positions() -> None:
    norm = LayerNorm(3)
    nn.init.constant_(norm.weight, 2.0)
    nn.init.constant_(norm.bias, 1.0)
    features = norm(torch.randn(2, 3, 8, 8) * 5 - 7)
    assert torch.allclose(features.mean(dim=(1, 2, 3)), torch.ones(2), atol=1e-5)
    assert torch.allclose(features.std(dim=(1, 2, 3), correction=0), torch.full((2,), 2.0), atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gpus_normalise_by_other_means_and_to_the_same(dtype: torch.dtype, layout: torch.memory_format) -> None:
    features = (torch.randn(2, 5, 7, 9) * 3 + 4).to(dtype, memory_format=layout)
    weight, bias = torch.randn(5), torch.randn(5)
    wide = features.double()
    expected = nn.functional.group_norm(wide, 1, weight.double(), bias.double(), NORM_EPSILON)
    result = whole_norm(features, weight, bias)
    assert result.dtype == dtype
    # Nothing but the last rounding is added.
    assert torch.allclose(result.double(), expected, rtol=torch.finfo(dtype).eps / 2, atol=1e-5)
    assert result.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("margin", [1, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gpus_reflect_borders_by_other_means_and_to_the_same(margin: int, layout: torch.memory_format) -> None:
    features = torch.randn(2, 5, 7, 9).to(memory_format=layout)
    padded = reflected_rows(features, margin)
    assert torch.equal(padded, nn.functional.pad(features, [margin] * 4, mode="reflect"))
    assert padded.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.04)])
def test_gpus_normalise_channels_by_other_means_and_to_the_same(dtype: torch.dtype, tolerance: float) -> None:
    features = (torch.randn(2, 5, 7, 9) * 3 + 4).to(dtype)
    rows = features.permute(0, 2, 3, 1).flatten(1, 2)
    expected = nn.functional.instance_norm(features.float()).permute(0, 2, 3, 1).flatten(1, 2)
    normalised = normalised_rows(rows)
    assert normalised.dtype == dtype
    assert torch.allclose(normalised.float(), expected, atol=tolerance)
