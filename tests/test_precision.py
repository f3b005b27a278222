"""Devices that are not here are stood in for by the CPU, which is told to do as they do."""

from __future__ import annotations

import pytest
import torch

from udsd import precision
from udsd.inference.torch_backend import TorchBackend
from udsd.models import DeblurModel, ModelConfig
from udsd.precision import mean_and_variance, widest_dtype

CPU = torch.device("cpu")


def test_the_widest_format_of_a_device() -> None:
    assert widest_dtype(CPU) is torch.float64
    assert widest_dtype(torch.device("mps")) is torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_statistics_are_the_same_by_either_function(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    block = (torch.randn(1, 8, 20, 60) * 3 + 100).to(dtype)
    usual = mean_and_variance(block)
    monkeypatch.setattr(precision, "_UPDATES_STATISTICS", ())
    other = mean_and_variance(block)
    for one, another in zip(usual, other, strict=True):
        assert one.dtype is another.dtype is (torch.float64 if dtype is torch.float64 else torch.float32)
        torch.testing.assert_close(one, another, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("balance_white", [False, True])
def test_without_float64_results_are_the_same_to_rounding(balance_white: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    config = ModelConfig(base_width=4, residual_blocks=1, balance_white=balance_white)
    backend = TorchBackend(DeblurModel(config).eval(), CPU, torch.float32)
    image = torch.rand(1, 3, 150, 170) * 1.6 - 0.9
    usual = backend.restore(image)
    assert not torch.equal(usual, image)
    monkeypatch.setattr(precision, "_WITHOUT_FLOAT64", ("cpu",))
    monkeypatch.setattr(precision, "_UPDATES_STATISTICS", ())
    monkeypatch.setattr(torch.Tensor, "double", None)
    torch.testing.assert_close(backend.restore(image), usual, rtol=1e-4, atol=1e-4)
