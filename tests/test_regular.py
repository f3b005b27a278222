"""Files that others made, and what lies there in the place of a file."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from udsd.regular import NotRegularError, open_regular, read_limited, regular_size


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


def test_a_file_is_opened_by_its_name_and_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "link").symlink_to("a")
    for name in ("a", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_whatever_is_no_file_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    os.mkfifo("pipe")
    Path("link").symlink_to("pipe")
    Path("folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name in ("pipe", "link", "folder", "socket", "/dev/zero"):
            with pytest.raises(NotRegularError, match=r"it is a (named pipe|socket|device|folder), not a file"):
                open_regular(Path(name))
    with pytest.raises(FileNotFoundError):
        open_regular(Path("gone"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_that_takes_the_place_of_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"")
    looked = Path.stat

    def exchange(self: Path) -> os.stat_result:
        status = looked(self)
        self.unlink()
        os.mkfifo(self)
        return status

    monkeypatch.setattr(Path, "stat", exchange)
    with pytest.raises(NotRegularError):
        open_regular(path)
