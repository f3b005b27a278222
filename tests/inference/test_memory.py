from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from udsd.errors import ConfigError
from udsd.inference.memory import allowed_memory, free_memory, parse_memory

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (1, 1),
        (5_000_000, 5_000_000),
        ("5000000", 5_000_000),
        ("2GB", 2_000_000_000),
        ("2 GiB", 2 * 2**30),
        ("1.5gb", 1_500_000_000),
        (" 500MiB ", 500 * 2**20),
        ("64k", 64_000),
        ("1T", 10**12),
        ("12B", 12),
    ],
)
def test_sizes_are_read(text: int | str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "much", "-2GB", "2XB", "0", 0, -5, "GB", "1e9", "2 G B", True])
def test_what_is_no_size_is_refused(text: int | str) -> None:
    with pytest.raises(ConfigError, match=r"memory_limit is .*; give bytes, or text such as '2GB'"):
        parse_memory(text)


def test_free_memory_is_told() -> None:
    assert 2**26 < free_memory(CPU) < 2**50


def test_without_a_limit_half_of_what_is_free_is_allowed() -> None:
    assert allowed_memory(CPU, "3kB") == 3000
    assert 0.3 * free_memory(CPU) < allowed_memory(CPU) < 0.7 * free_memory(CPU)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system for what the process has taken")
@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_the_limits_of_the_process_count(limit: str) -> None:
    """As ``ulimit -v`` and ``ulimit -d`` set them."""
    check = (
        "import resource, torch; from udsd.inference.memory import free_memory;"
        f"resource.setrlimit(resource.{limit}, (2**34, 2**34)); print(free_memory(torch.device('cpu')))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2**34
