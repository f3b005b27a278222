from __future__ import annotations

import pytest
import torch

from udsd.inference.batching import images_together, in_batches


def batches(sizes: str, batch_size: int) -> list[str]:
    """Images are letters, and those of one letter are of one size."""
    return ["".join(batch) for batch in in_batches(sizes, lambda letter: letter, batch_size)]


def test_images_of_one_size_come_together() -> None:
    assert batches("abababab", 2) == ["aa", "bb", "aa", "bb"]
    assert batches("aaaaa", 2) == ["aa", "aa", "a"]
    assert batches("", 2) == []


def test_one_at_a_time_nothing_waits() -> None:
    assert batches("abcab", 1) == ["a", "b", "c", "a", "b"]


def test_an_odd_size_waits_for_four_batches_at_most() -> None:
    assert batches("x" + "a" * 20, 2)[:5] == ["aa", "aa", "aa", "aa", "x"]


def test_what_has_no_size_waits_for_nothing() -> None:
    given = in_batches("a.a.b...........", lambda letter: None if letter == "." else letter, 2)
    assert ["".join(batch) for batch in given] == [".", "aa", *"." * 9, "b", *"..."]


def test_no_more_is_taken_than_is_wanted() -> None:
    taken: list[int] = []
    given = in_batches((taken.append(number) or number for number in range(1000)), lambda number: number, 4)
    assert next(given) == [0]
    assert len(taken) == 17


@pytest.mark.parametrize(("device", "together"), [("cpu", 1), ("cuda", 6), ("mps", 6)])
def test_images_run_together_on_a_gpu_alone(device: str, together: int) -> None:
    assert images_together(torch.device(device), 6) == together
