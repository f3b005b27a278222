from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from udsd.arguments import some_path, truth, whole_number
from udsd.errors import ConfigError


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)])
def test_whole_numbers_of_every_library_are_taken(value: Any) -> None:
    number = whole_number("n", value, 1)
    assert number == 3
    assert type(number) is int


@pytest.mark.parametrize("value", [None, True, np.bool_(True), 3.0, np.float32(3), "3", np.array([3, 4]), [3]])
def test_what_is_no_whole_number_is_told(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"n is .*give a whole number of at least 1"):
        whole_number("n", value, 1)


def test_numbers_out_of_range_are_told() -> None:
    with pytest.raises(ConfigError, match="n is 0; give a whole number from 1 to 9"):
        whole_number("n", np.int64(0), 1, 9)
    with pytest.raises(ConfigError, match="n is 10"):
        whole_number("n", 10, 1, 9)
    assert [whole_number("n", value, 1, 9) for value in (1, 9)] == [1, 9]


@pytest.mark.parametrize("value", [True, np.bool_(True), np.array(True), torch.tensor(True)])
def test_truth_values_of_every_library_are_taken(value: Any) -> None:
    assert truth("shown", value) is True


@pytest.mark.parametrize("value", [None, 1, 0.0, "False", np.int64(1), np.array([True]), []])
def test_what_is_no_truth_value_is_told(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"shown is .*give True or False"):
        truth("shown", value)


def test_paths_are_text_or_path_objects() -> None:
    assert some_path("folder", "a/b") == some_path("folder", Path("a/b")) == Path("a/b")
    for value in (None, 3, b"a", ["a"]):
        with pytest.raises(ConfigError, match=r"folder is .*give a path"):
            some_path("folder", value)
