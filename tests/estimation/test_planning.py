"""Learning a blur fits the time that there is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.test_automatic import save_drawings
from udsd.errors import ImageError
from udsd.estimation import ROUNDS, SHORTEST, WHOLE, Cost, fitting_plan, measure_cost

COST = Cost(reading=0.01, simulating=0.005, fitting=0.0001)
FILES = (300, 5000)


def test_with_enough_time_nothing_is_left_out() -> None:
    plan = fitting_plan(COST, FILES, COST.of(WHOLE, FILES))
    assert plan is WHOLE
    assert plan.rounds == ROUNDS


@pytest.mark.parametrize("share", [0.35, 0.5, 0.9])
def test_less_time_means_fewer_images_in_the_same_rounds(share: float) -> None:
    seconds = share * COST.of(WHOLE, FILES)
    plan = fitting_plan(COST, FILES, seconds)
    assert plan is not None
    assert 0.7 * seconds < COST.of(plan, FILES) <= seconds
    assert [one.epochs for one in plan.rounds] == [one.epochs for one in ROUNDS]
    assert all(one.images < whole.images for one, whole in zip(plan.rounds, ROUNDS, strict=True))
    assert plan.images < WHOLE.images


def test_less_than_the_shortest_is_no_plan() -> None:
    least = COST.of(SHORTEST, FILES)
    assert fitting_plan(COST, FILES, least) == SHORTEST
    assert fitting_plan(COST, FILES, 0.99 * least) is None


def test_a_machine_half_as_fast_needs_twice_the_time() -> None:
    slow = Cost(0.02, 0.01, 0.0002)
    assert slow.of(WHOLE, FILES) == pytest.approx(2 * COST.of(WHOLE, FILES))


def test_only_files_that_are_read_count() -> None:
    assert COST.of(WHOLE, (300, 5000)) == COST.of(WHOLE, (300, 400))
    assert COST.of(WHOLE, (300, 400)) - COST.of(WHOLE, (200, 400)) == pytest.approx(1.0)


def ticking(step: float) -> Callable[[], float]:
    """A clock that goes on by so many seconds whenever it is looked at."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += step
        return now

    return clock


def test_costs_are_measured(tmp_path: Path) -> None:
    save_drawings(tmp_path / "sharp", 6, 0)
    files = sorted((tmp_path / "sharp").iterdir())
    cost = measure_cost(files, clock=ticking(32.0))
    assert cost.reading == 8.0  # four files
    assert cost.simulating == 0.5  # 64 images
    assert cost.fitting == 0.125  # as many, four times


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    with pytest.raises(ImageError, match="none of the 1 sharp images can be read"):
        measure_cost([broken])
