from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from udsd.regular import NotRegularError, open_regular


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
            with pytest.raises(NotRegularError, match=r"is no regular file|is a folder"):
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
