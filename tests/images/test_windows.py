from __future__ import annotations

import pytest
import torch

from udsd.images.windows import covering_windows

CPU = torch.device("cpu")


@pytest.mark.parametrize(("side", "overlap"), [(300, 96), (512, 96), (512, 64), (781, 96), (192, 64)])
def test_of_all_windows_that_share_a_place_the_weights_add_up_to_1(side: int, overlap: int) -> None:
    for length in range(1, 5 * side, 3):
        total, count = torch.zeros(length), torch.zeros(length)
        windows = [*covering_windows(length, side, overlap)]
        assert len({window.stop - window.start for window in windows}) == 1
        for window in windows:
            assert 0 <= window.start < window.stop <= length
            assert window.stop - window.start <= side
            weights = window.weights(CPU)
            assert weights.min() >= 0
            total[window.start : window.stop] += weights
            count[window.start : window.stop] += 1
        assert torch.allclose(total, torch.ones(length), atol=1e-5), length
        assert count.max() <= 2


def test_a_window_counts_for_nothing_at_a_border_that_it_shares() -> None:
    first, *_, last = covering_windows(1200, 512, 96)
    assert first.weights(CPU)[0] == last.weights(CPU)[-1] == 1
    assert not first.weights(CPU)[-16:].any()
    assert not last.weights(CPU)[:16].any()


@pytest.mark.parametrize(("length", "sides"), [(512, [512]), (513, [289] * 2), (1000, [376] * 3)])
def test_windows_are_as_small_as_covering_allows(length: int, sides: list[int]) -> None:
    assert [window.stop - window.start for window in covering_windows(length, 512, 64)] == sides
