"""Batches that threads or processes draw ahead of time."""

from __future__ import annotations

import gc
import multiprocessing
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import torch

from udsd.degradation.workers import worker_processes
from udsd.side_threads import side_threads

_Batch = TypeVar("_Batch")
_Submit = Callable[[int], "Future[_Batch]"]

_inherited: list[Callable[[int], Any]] = []
"""In a worker process: what draws a batch."""


def prefetch(
    draw: Callable[[int], _Batch], steps: Iterable[int], workers: int, *, in_processes: bool = False
) -> Generator[_Batch]:
    """Draw the batches of ``steps``, in their order, while earlier batches are used.

    Threads share one cache of images, and start at once; but what is drawn in Python they draw one after another, and
    they take the interpreter from the training loop. Processes do neither.

    Args:
        draw: Draws the batch of a step; called from several threads at once, or from processes that are forked here.
            Tensors come from them through shared memory.
        steps: The steps.
        workers: Number of threads or processes; twice as many batches are prefetched. 0 draws each batch when it is
            asked for.
        in_processes: Whether the workers are processes, which needs fork. They must not touch a GPU.

    Raises:
        MemoryLimitError: A worker process was killed.
    """
    if workers == 0:
        yield from map(draw, steps)
        return
    waiting: deque[Future[_Batch]] = deque()
    with _processes(draw, workers) if in_processes else _threads(draw, workers) as submit:
        for step in steps:
            waiting.append(submit(step))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _threads(draw: Callable[[int], _Batch], workers: int) -> Iterator[_Submit[_Batch]]:
    pool = side_threads(workers, "udsd-data")
    try:
        yield lambda step: pool.submit(draw, step)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _processes(draw: Callable[[int], _Batch], workers: int) -> Iterator[_Submit[_Batch]]:
    """Forked, so that they have what ``draw`` refers to, the images in shared memory too, without a copy.

    A process that has initialised CUDA may be forked as long as the children leave CUDA alone, as drawing does. But no
    other thread may be computing then, or ending after it has: a child that is forked in such a moment can hang in MKL,
    which manages memory by threads. The trainer has no such threads when it starts its workers.
    """
    context = multiprocessing.get_context("fork")
    with worker_processes(workers, context=context, begin=partial(_inherit, draw)) as pool:
        with warnings.catch_warnings():
            # Threads of this process may hold locks when it is forked. Those of Python, of the allocator and of logging
            # are released in the child, and PyTorch's threads are not used there (see `_inherit`).
            warnings.filterwarnings("ignore", message=".*multi-threaded", category=DeprecationWarning)
            pool.submit(int)  # starts all processes
        yield lambda step: pool.submit(_draw, step)


def _inherit(draw: Callable[[int], Any]) -> None:
    """What a worker process does first."""
    torch.set_num_threads(1)  # the threads of its parent were not forked with it
    gc.freeze()  # nor shall what its parent has on a GPU be collected here
    _inherited.append(draw)


def _draw(step: int) -> Any:
    (draw,) = _inherited
    return draw(step)
