from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from contextlib import closing

import pytest
import torch

from udsd.errors import ImageError, MemoryLimitError
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


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="forks")


@pytest.mark.parametrize(("workers", "in_processes"), [(0, False), (2, False), pytest.param(2, True, marks=on_linux)])
def test_an_error_of_a_worker_reaches_the_loop(workers: int, in_processes: bool) -> None:
    def draw(step: int) -> int:
        if step == 3:
            raise ImageError("broken")
        return step

    batches = prefetch(draw, range(10), workers, in_processes=in_processes)
    assert [next(batches) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ImageError, match="broken"):
        next(batches)


@on_linux
def test_processes_draw_in_order_and_no_further_than_that() -> None:
    drawn = multiprocessing.get_context("fork").Value("q", 0)

    def draw(step: int) -> tuple[int, int, torch.Tensor]:
        with drawn.get_lock():
            drawn.value += 1
        return step, os.getpid(), torch.full((1000,), step)

    with closing(prefetch(draw, range(5, 1000), 2, in_processes=True)) as batches:
        results = [next(batches) for _ in range(20)]
    assert [step for step, _, _ in results] == list(range(5, 25))
    assert os.getpid() not in {process for _, process, _ in results}
    for step, _, tensor in results:
        assert torch.equal(tensor, torch.full((1000,), step))
    assert 20 <= drawn.value <= 20 + 2 * 2
    assert not multiprocessing.active_children()
    assert [step for step, _, _ in prefetch(draw, range(3), 2, in_processes=True)] == [0, 1, 2]
    assert not multiprocessing.active_children()


@on_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_worker_process_can_only_be_killed_and_then_gives_one_error(number: int) -> None:
    """Ctrl-C in a terminal, and SIGTERM to a group, are for the training loop alone."""

    def draw(step: int) -> int:
        if step == 3:
            os.kill(os.getpid(), number)
        return step

    batches = prefetch(draw, range(10), 2, in_processes=True)
    if number == signal.SIGKILL:
        with pytest.raises(MemoryLimitError, match="one of 2 worker processes was killed, most often for its memory"):
            list(batches)
    else:
        assert list(batches) == list(range(10))
    assert not multiprocessing.active_children()


@on_linux
def test_who_leaves_early_does_not_wait_for_processes() -> None:
    def draw(step: int) -> int:
        if step > 2:
            threading.Event().wait(GIVE_UP)
        return step

    batches = prefetch(draw, range(10), 2, in_processes=True)
    assert next(batches) == 0
    batches.close()
    assert not multiprocessing.active_children()
