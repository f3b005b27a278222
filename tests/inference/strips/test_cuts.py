from __future__ import annotations

from itertools import pairwise

import pytest

from udsd.inference.strips.cuts import ROW_UNIT, cut


@pytest.mark.parametrize("height", [1, 2, 4, 5, 16, 17, 63, 100])
@pytest.mark.parametrize("strip_height", [1, 2, 3, 4, 5, 7, 8, 30, 1000])
def test_strips_cover_a_map_once_and_are_no_higher_than_asked_for(height: int, strip_height: int) -> None:
    strips = cut(height, strip_height)
    assert strips[0][0] == 0
    assert strips[-1][1] == height
    assert all(above[1] == below[0] for above, below in pairwise(strips))
    heights = [stop - start for start, stop in strips]
    assert min(heights) > 0
    assert max(heights) <= strip_height
    if strip_height >= ROW_UNIT:
        assert all(start % ROW_UNIT == 0 for start, _ in strips)


def test_strips_are_of_nearly_equal_height() -> None:
    assert cut(100, 48) == [(0, 32), (32, 64), (64, 100)]
    assert cut(10, 3) == [(0, 2), (2, 5), (5, 7), (7, 10)]
    assert cut(16, 16) == [(0, 16)]
