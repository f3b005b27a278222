"""Threads beside the network."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import torch

from udsd.side_threads import side_threads


def test_they_compute_with_one_thread_and_all_others_as_before() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        together = Barrier(2, timeout=60)

        def count() -> int:
            together.wait()  # each thread has one of the two
            return torch.get_num_threads()

        with side_threads(2, "side") as side, ThreadPoolExecutor(1) as other:
            assert [one.result() for one in [side.submit(count) for _ in range(2)]] == [1, 1]
            assert torch.get_num_threads() == 3
            assert other.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)
