from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from udsd.errors import MemoryLimitError
from udsd.inference.memory import parse_memory
from udsd.inference.strips import plan_strips
from udsd.models import ModelConfig

CPU = torch.device("cpu")
WIDE = ModelConfig()


@pytest.mark.parametrize("width", [16, 1000, 4096, 30_000])
@pytest.mark.parametrize("limit", ["200MB", "2GB", 10**12])
def test_a_plan_keeps_to_the_limit(width: int, limit: int | str) -> None:
    plan = plan_strips(8000, width, WIDE, 4, CPU, limit)
    assert plan.band_height % 4 == 0
    assert plan.band_height >= 4
    assert plan.room >= 0
    work_space = 6 * WIDE.base_width * width * plan.band_height * 4
    assert plan.room + work_space == parse_memory(limit)


def test_a_smaller_limit_gives_lower_bands_and_then_an_error() -> None:
    heights = [plan_strips(2000, 2000, WIDE, 4, CPU, limit).band_height for limit in ("1GB", "40MB", "15MB")]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > heights[-1] == 4
    with pytest.raises(MemoryLimitError, match=r"memory_limit='1MB' is 1 MB; .*2000 pixels wide needs at least 12 MB"):
        plan_strips(2000, 2000, WIDE, 4, CPU, "1MB")


def test_bands_of_a_wide_image_hold_a_row_of_tiles_where_memory_allows() -> None:
    assert plan_strips(8000, 10_000, WIDE, 4, CPU, "2GB").band_height == 16
    assert plan_strips(8000, 10_000, WIDE, 4, CPU, "200MB").band_height < 16


@pytest.mark.parametrize(("size", "rows", "whole"), [(4, 64, 128), (2, 128, 512)])
def test_bands_are_as_large_in_bytes_and_small_images_are_one(size: int, rows: int, whole: int) -> None:
    assert plan_strips(8000, 512, WIDE, size, CPU, "2GB").band_height == rows
    assert plan_strips(whole, 512, WIDE, size, CPU, "2GB").band_height == whole
    assert plan_strips(whole + 4, 512, WIDE, size, CPU, "2GB").band_height == rows


def test_bands_halve_down_to_four_rows_and_then_all_goes_to_the_disk() -> None:
    plan = plan_strips(400, 400, WIDE, 4, CPU, "1GB")
    heights = [plan.band_height]
    while plan.band_height > 4:
        room = plan.room
        plan = plan.halved()
        assert plan.room == room // 2
        heights.append(plan.band_height)
    assert all(height % 4 == 0 for height in heights)
    assert all(after == max(before // 8 * 4, 4) for before, after in pairwise(heights))
    # The limit may be far from what there is.
    rooms = [plan.room]
    while plan.room:
        plan = plan.halved()
        assert plan.band_height == 4
        rooms.append(plan.room)
    assert all(4 * after <= before for before, after in pairwise(rooms))
    with pytest.raises(MemoryLimitError, match="even in strips of four rows"):
        plan.halved()
