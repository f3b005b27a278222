from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.unfinished import dead_process, leave_unfinished
from udsd import atomic
from udsd.atomic import check_writable, remove_unfinished, whole_file, whole_files


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with whole_file(target) as unfinished:
        unfinished.write_text("half")
        assert not target.exists()
        assert unfinished.parent == target.parent
        assert (unfinished.name[0], unfinished.suffix) == (".", ".txt")
        unfinished.write_text("whole")
    assert [(path.name, path.read_text()) for path in target.parent.iterdir()] == [("a.txt", "whole")]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "a.txt").write_text("old")

    def fail_half_way() -> None:
        with whole_file(tmp_path / "a.txt") as unfinished:
            unfinished.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail_half_way()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.txt") as first, whole_file(tmp_path / "a.txt") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a.txt").read_text() == "first"  # whose block ends last
    assert len([*tmp_path.iterdir()]) == 1


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "a.txt").symlink_to(tmp_path / "precious")
    with whole_file(tmp_path / "a.txt") as unfinished:
        unfinished.write_text("new")
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "a.txt").is_symlink()


def test_files_of_a_folder_come_together(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with whole_files(folder) as unfinished:
        (unfinished / "b").write_text("b")
        (unfinished / "a").write_text("a")
        assert [path.name[0] for path in folder.iterdir()] == ["."]
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]


def test_a_failure_moves_none_of_several_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def fail_half_way() -> None:
        with whole_files(tmp_path) as unfinished:
            (unfinished / "a").write_text("new")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail_half_way()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_a_folder_in_the_way_of_one_file_stops_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()

    def write_both() -> None:
        with whole_files(tmp_path) as unfinished:
            (unfinished / "a").write_text("new")
            (unfinished / "b").write_text("new")

    with pytest.raises(IsADirectoryError, match=str(tmp_path / "b")):
        write_both()
    assert (tmp_path / "a").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.skipif(os.name != "posix", reason="processes are not asked for here")
def test_what_the_dead_left_is_removed_and_what_the_living_write_is_not(tmp_path: Path) -> None:
    gone = dead_process()
    dead, alive = leave_unfinished(tmp_path, gone), leave_unfinished(tmp_path, os.getpid())
    dead_folder = tmp_path / f"{atomic._PREFIX}{gone}-cd"
    dead_folder.mkdir()
    (dead_folder / "model").touch()
    hidden = tmp_path / ".hidden"
    hidden.touch()
    other_machine = tmp_path / f".udsd-00000000-{gone}-ef"
    other_machine.touch()
    remove_unfinished(tmp_path)
    assert not dead.exists()
    assert not dead_folder.exists()
    assert alive.exists()
    assert hidden.exists()
    assert other_machine.exists()


@pytest.mark.skipif(os.name != "posix", reason="processes are not asked for here")
def test_writing_several_files_removes_what_the_dead_left(tmp_path: Path) -> None:
    leave_unfinished(tmp_path, dead_process())
    with whole_files(tmp_path) as unfinished:
        (unfinished / "a").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_is_missing_holds_nothing_unfinished(tmp_path: Path) -> None:
    remove_unfinished(tmp_path / "missing")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.skipif(not Path("/proc/self/ns").exists(), reason="the system does not tell processes apart")
def test_a_later_process_of_the_same_number_is_another(tmp_path: Path) -> None:
    """As in a container, where the program is number 1 each time."""
    number, start, namespace = atomic._process_name().split("_")
    living = tmp_path / f"{atomic._PREFIX}{number}_{start}_{namespace}-ab"
    dead = tmp_path / f"{atomic._PREFIX}{number}_{int(start) - 1}_{namespace}-ab"
    for path in (living, dead):
        path.touch()
    atomic.remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == [living]


@pytest.mark.skipif(not Path("/proc/self/ns").exists(), reason="the system does not tell processes apart")
def test_processes_of_another_container_live_until_they_are_silent_for_a_day(tmp_path: Path) -> None:
    gone = dead_process()
    fresh, old, old_folder, busy_folder = (tmp_path / f"{atomic._PREFIX}{gone}_5_77-{word}" for word in "abcd")
    for folder in (old_folder, busy_folder):
        folder.mkdir()
        (folder / "file").touch()
    for path in (fresh, old):
        path.touch()
    for path in (old, old_folder / "file", old_folder, busy_folder):
        os.utime(path, (1e9, 1e9))
    atomic.remove_unfinished(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([fresh, busy_folder])


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes, no /dev")
@pytest.mark.parametrize("linked", [False, True])
def test_pipes_and_devices_are_not_replaced(tmp_path: Path, linked: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if linked:
        (tmp_path / "link").symlink_to("pipe")
    target = tmp_path / "link" if linked else pipe
    for write in (lambda: whole_file(target).__enter__(), lambda: check_writable(target)):
        with pytest.raises(OSError, match="it is a pipe or a device, not a file"):
            write()

    def write_all() -> None:
        with whole_files(tmp_path) as unfinished:
            (unfinished / "other").write_text("")
            (unfinished / target.name).write_text("")

    with pytest.raises(OSError, match="it is a pipe or a device"):
        write_all()
    assert pipe.is_fifo()
    assert not (tmp_path / "other").exists()
    # Only asked: who may do anything would else have changed it for all programs.
    for device in ("/dev/null", "/dev/stdout", "/dev/stdin", "/dev/fd/1", "/proc/self/fd/1"):
        with pytest.raises(OSError, match=r"pipe or a device|o such file|not permitted|Permission|Invalid"):
            check_writable(Path(device))
