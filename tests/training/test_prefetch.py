from __future__ import annotations

import threading
from contextlib import closing

import pytest
import torch

from udsd.errors import ImageError
from udsd.training.prefetch import prefetch

CPU = torch.device("cpu")
GIVE_UP = 600.0
"""Seconds after which a test that waits for what never happens fails; no other test depends on it."""


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_are_prefetched_in_their_order_and_no_further_than_that(workers: int) -> None:
    drawn: list[int] = []

    def draw(step: int) -> int:
        drawn.append(step)
        return step * step

    with closing(prefetch(draw, range(5, 1000), workers)) as batches:
        assert [next(batches) for _ in range(20)] == [step * step for step in range(5, 25)]
    # Closing waits for the threads, so that nothing is drawn from here on.
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("udsd-data")]
    assert set(range(5, 25)) <= set(drawn)
    assert len(drawn) <= 20 + 2 * workers
    assert list(prefetch(draw, range(3), workers)) == [0, 1, 4]


def test_a_batch_that_takes_longer_does_not_change_the_order() -> None:
    second = threading.Event()

    def draw(step: int) -> int:
        if step == 0:
            assert second.wait(GIVE_UP)
        second.set()
        return step

    assert list(prefetch(draw, range(4), workers=2)) == [0, 1, 2, 3]


def test_batches_are_drawn_before_they_are_asked_for() -> None:
    ahead = threading.Event()

    def draw(step: int) -> int:
        if step == 2:
            ahead.set()
        return step

    with closing(prefetch(draw, range(1000), workers=1)) as batches:
        assert next(batches) == 0
        assert ahead.wait(GIVE_UP)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_a_worker_reaches_the_loop(workers: int) -> None:
    def draw(step: int) -> int:
        if step == 3:
            raise ImageError("broken")
        return step

    batches = prefetch(draw, range(10), workers)
    assert [next(batches) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ImageError, match="broken"):
        next(batches)
