from __future__ import annotations

import pytest
import torch

from udsd.errors import ConfigError, MemoryLimitError
from udsd.inference.memory import free_memory, parse_memory, plan_strips
from udsd.models import ModelConfig

CPU = torch.device("cpu")
WIDE = ModelConfig()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (1, 1),
        (5_000_000, 5_000_000),
        ("5000000", 5_000_000),
        ("2GB", 2_000_000_000),
        ("2 GiB", 2 * 2**30),
        ("1.5gb", 1_500_000_000),
        (" 500MiB ", 500 * 2**20),
        ("64k", 64_000),
        ("1T", 10**12),
        ("12B", 12),
    ],
)
def test_sizes_are_read(text: int | str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "much", "-2GB", "2XB", "0", 0, -5, "GB", "1e9", "2 G B", True])
def test_what_is_no_size_is_refused(text: int | str) -> None:
    with pytest.raises(ConfigError, match=r"memory_limit is .*; give bytes, or text such as '2GB'"):
        parse_memory(text)


def test_free_memory_is_told() -> None:
    assert 2**26 < free_memory(CPU) < 2**50


@pytest.mark.parametrize("width", [16, 1000, 4096, 30_000])
@pytest.mark.parametrize("limit", ["200MB", "2GB", 10**12])
def test_a_plan_keeps_to_the_limit(width: int, limit: int | str) -> None:
    plan = plan_strips(8000, width, WIDE, 4, CPU, limit)
    assert plan.strip_height % 4 == 0
    assert plan.strip_height >= 4
    assert 0 <= plan.room < parse_memory(limit)


def test_a_smaller_limit_gives_narrower_strips_and_then_an_error() -> None:
    heights = [plan_strips(2000, 2000, WIDE, 4, CPU, limit).strip_height for limit in ("1GB", "40MB", "15MB")]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > heights[-1] == 4
    with pytest.raises(MemoryLimitError, match=r"memory_limit='1MB' is 1 MB; .*2000 pixels wide needs at least 12 MB"):
        plan_strips(2000, 2000, WIDE, 4, CPU, "1MB")


def test_strips_of_a_wide_image_hold_a_row_of_tiles_where_memory_allows() -> None:
    assert plan_strips(8000, 10_000, WIDE, 4, CPU, "2GB").strip_height == 16
    assert plan_strips(8000, 10_000, WIDE, 4, CPU, "200MB").strip_height < 16


@pytest.mark.parametrize(("size", "rows", "whole"), [(4, 64, 128), (2, 128, 512)])
def test_strips_are_as_large_in_bytes_and_small_images_are_one(size: int, rows: int, whole: int) -> None:
    assert plan_strips(8000, 512, WIDE, size, CPU, "2GB").strip_height == rows
    assert plan_strips(whole, 512, WIDE, size, CPU, "2GB").strip_height == whole
    assert plan_strips(whole + 4, 512, WIDE, size, CPU, "2GB").strip_height == rows


def test_strips_halve_down_to_four_rows() -> None:
    plan = plan_strips(400, 400, WIDE, 4, CPU, "1GB")
    heights = [plan.strip_height]
    while plan.strip_height > 4:
        plan = plan.halved()
        heights.append(plan.strip_height)
    assert all(height % 4 == 0 for height in heights)
    with pytest.raises(MemoryLimitError, match="even in strips of four rows"):
        plan.halved()
