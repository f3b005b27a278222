from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from udsd.inference.strips import winograd

both_ways = pytest.mark.parametrize("columns", [False, True])


@both_ways
@pytest.mark.parametrize(
    ("channels", "filters", "height", "width"),
    [(1, 1, 1, 1), (3, 5, 4, 4), (32, 40, 5, 3), (33, 32, 12, 8), (40, 40, 17, 1031), (8, 8, 2, 2), (16, 48, 95, 30)],
)
def test_it_is_a_convolution(channels: int, filters: int, height: int, width: int, columns: bool) -> None:
    window = torch.randn(1, channels, height + 2, width + 2).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(filters, channels, 3, 3) / (9 * channels) ** 0.5
    before = window.clone()
    result = winograd.convolve(window, winograd.transform_weights(weight, columns=columns))
    expected = F.conv2d(window.double(), weight.double())
    assert result.dtype == torch.float32
    assert result.shape == expected.shape
    assert result.permute(0, 2, 3, 1)[0, 0].is_contiguous()
    torch.testing.assert_close(result.double(), expected, atol=5e-5, rtol=0)
    assert torch.equal(window, before)


@both_ways
def test_a_part_of_a_map_will_do(columns: bool) -> None:
    whole = torch.randn(1, 40, 30, 22).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(40, 40, 3, 3) / 20
    part = whole[:, :, 7:21, 3:]
    result = winograd.convolve(part, winograd.transform_weights(weight, columns=columns))
    torch.testing.assert_close(result, F.conv2d(part, weight), atol=3e-5, rtol=0)


@both_ways
def test_tiles_do_not_depend_on_those_beside_them(columns: bool) -> None:
    window = torch.randn(1, 32, 42, 62).contiguous(memory_format=torch.channels_last)
    weights = winograd.transform_weights(torch.randn(32, 32, 3, 3) / 17, columns=columns)
    whole = winograd.convolve(window, weights)
    part = winograd.convolve(window[:, :, 8:26], weights)
    torch.testing.assert_close(part, whole[:, :, 8:24], atol=1e-6, rtol=0)


def test_it_pays_for_many_channels_in_float32_on_cpus() -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert winograd.pays(256, torch.float32, cpu)
    assert not winograd.pays(16, torch.float32, cpu)
    assert not winograd.pays(256, torch.bfloat16, cpu)
    assert not winograd.pays(256, torch.float32, cuda)


@pytest.mark.parametrize(
    ("name", "vp2intersect", "pay"),
    [("AMD EPYC", True, False), ("AMD Ryzen 7", False, True), ("Intel Core", True, True)],
)
def test_columns_pay_where_products_are_as_fast_as_convolutions(
    name: str, vp2intersect: bool, pay: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd, "cpu_capabilities", lambda: {"cpu_name": name, "avx512_vp2intersect": vp2intersect})
    assert winograd.columns_pay() == pay


def test_columns_pay_on_processors_that_say_nothing_of_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "cpu_capabilities", dict)
    assert winograd.columns_pay()


def test_rows_lie_in_the_tiles_that_begin_at_the_border() -> None:
    assert [winograd.first_row_of_tile(row) for row in (0, 3, 4, 11, 12)] == [0, 0, 4, 8, 12]
