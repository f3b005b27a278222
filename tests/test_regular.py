"""Files that others made, and what lies there in the place of a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from udsd.regular import read_limited, regular_size


def test_a_file_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\r\n\x1a" * 4)
    assert (read_limited(path, 12), regular_size(path)) == (b"\r\n\x1a" * 4, 12)
    with pytest.raises(OSError, match="it has 12 bytes, more than the 11 allowed"):
        read_limited(path, 11)


def test_a_sparse_terabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(OSError, match="1000000000000 bytes"):
        read_limited(path, 100)


@pytest.mark.parametrize("read", [regular_size, lambda path: read_limited(path, 10)])
def test_what_is_no_file(tmp_path: Path, read: object) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for path, kind in {
        tmp_path / "pipe": "a named pipe",
        tmp_path / "link": "a named pipe",
        Path("/dev/zero"): "a device",
        tmp_path: "a folder",
    }.items():
        with pytest.raises(OSError, match=f"it is {kind}, not a file"):
            read(path)  # type: ignore[operator]


def test_a_file_without_a_size_of_its_own() -> None:
    assert len(read_limited(Path("/proc/self/cmdline"), 1 << 20)) > 0
    with pytest.raises(OSError, match="more than the 1 allowed"):
        read_limited(Path("/proc/self/cmdline"), 1)
