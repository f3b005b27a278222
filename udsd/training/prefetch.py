"""Batches that threads draw ahead of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Batch = TypeVar("_Batch")


def prefetch(draw: Callable[[int], _Batch], steps: Iterable[int], workers: int) -> Generator[_Batch]:
    """Draw the batches of ``steps``, in their order, by threads while earlier batches are used.

    Threads, not processes: decoding releases the interpreter lock, and threads share one cache of images.

    Args:
        draw: Draws the batch of a step; called from several threads at once.
        steps: The steps.
        workers: Number of threads; twice as many batches are prefetched. 0 draws each batch when it is asked for.
    """
    if workers == 0:
        yield from map(draw, steps)
        return
    waiting: deque[Future[_Batch]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="udsd-data")
    try:
        for step in steps:
            waiting.append(pool.submit(draw, step))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
