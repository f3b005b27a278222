"""Threads for the work beside the network: reading, writing, drawing batches."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import torch

_changing = threading.Lock()


def side_threads(count: int, name: str) -> ThreadPoolExecutor:
    """A pool of threads in which PyTorch computes with one thread.

    With a team of OpenMP threads for each of them there would be more than the machine has cores. GNU's OpenMP then
    lets waiting threads sleep in place of spinning, those of the network too, which has thousands of short turns: on
    two cores it took 1.2 (text) to 1.6 times as long (text-small).

    Args:
        count: Number of threads.
        name: What their names begin with.
    """
    return ThreadPoolExecutor(count, thread_name_prefix=name, initializer=_compute_alone)


def _compute_alone() -> None:
    with _changing:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        # That holds for this thread, and for all that begin later. The latter is taken back, from a thread that ends.
        other = threading.Thread(target=torch.set_num_threads, args=(before,))
        try:
            other.start()
        except RuntimeError:  # no memory for it
            torch.set_num_threads(before)
        else:
            other.join()
