from __future__ import annotations

import pytest

from udsd.training.config import UnpairedConfig, WarmStartConfig
from udsd.training.schedule import unpaired_rate, warm_start_rate

WARM = WarmStartConfig(steps=100, learning_rate=0.8, ramp_steps=10, decay_share=0.5)
UNPAIRED = UnpairedConfig(steps=40, decay_steps=20, learning_rate=0.4)


@pytest.mark.parametrize(
    ("step", "share"),
    [
        (0, 0.1),  # the first step already counts
        (4, 0.5),
        (9, 1.0),
        (10, 1.0),
        (50, 1.0),  # the fall begins
        (75, 0.5),
        (100, 0.0),
    ],
)
def test_the_warm_start_rises_holds_and_falls_along_a_cosine(step: int, share: float) -> None:
    assert warm_start_rate(WARM, step) == pytest.approx(0.8 * share, abs=1e-12)


def test_the_last_step_of_the_warm_start_still_learns_a_little() -> None:
    assert 0 < warm_start_rate(WARM, 99) < 0.8 * 0.01


def test_a_warm_start_without_a_ramp_begins_at_the_full_rate() -> None:
    assert warm_start_rate(WarmStartConfig(steps=10, learning_rate=0.8, ramp_steps=0, decay_share=0.1), 0) == 0.8


@pytest.mark.parametrize(("step", "share"), [(0, 1.0), (39, 1.0), (40, 1.0), (50, 0.1), (60, 0.01), (70, 0.01)])
def test_the_unpaired_rate_holds_then_decays_exponentially_to_a_hundredth(step: int, share: float) -> None:
    assert unpaired_rate(UNPAIRED, step) == pytest.approx(0.4 * share)


@pytest.mark.parametrize(
    ("step", "share"), [(0, 1.0), (40, 1.0), (41, 20 / 21), (59, 2 / 21), (60, 1 / 21), (70, 1 / 21)]
)
def test_the_unpaired_rate_can_decay_linearly(step: int, share: float) -> None:
    linear = UnpairedConfig(steps=40, decay_steps=20, learning_rate=0.4, decay="linear")
    assert unpaired_rate(linear, step) == pytest.approx(0.4 * share)


def test_the_unpaired_rate_can_rise_first() -> None:
    ramped = UnpairedConfig(steps=40, learning_rate=0.4, ramp_steps=4)
    rates = [unpaired_rate(ramped, step) for step in (0, 1, 3, 4, 39)]
    assert rates == pytest.approx([0.1, 0.2, 0.4, 0.4, 0.4])


def test_an_unpaired_stage_without_decay_keeps_its_rate() -> None:
    assert unpaired_rate(UnpairedConfig(steps=40, learning_rate=0.4), 39) == 0.4
