from __future__ import annotations

import os
import stat
import tempfile
import time
from pathlib import Path

import pytest

from udsd.serving.storage import Storage, open_storage


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def age(path: Path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def test_a_closed_session_leaves_nothing(storage: Storage, uploads: list[Path]) -> None:
    with storage.folder_for("one", uploads) as folder:
        (folder / "result.png").touch()
    assert files_in(storage.root) == ["0.png", "1.png", "result.png"]
    storage.close("one")
    assert files_in(storage.root) == []
    assert not folder.exists()


def test_what_another_session_has_too_stays(storage: Storage, uploads: list[Path]) -> None:
    storage.use("one", uploads)
    storage.use("two", uploads[:1])
    storage.close("one")
    assert files_in(storage.root) == ["0.png"]
    storage.close("two")
    assert files_in(storage.root) == []


def test_what_was_brought_again_stays(storage: Storage, uploads: list[Path]) -> None:
    """Its new session has not said yet that it uses it."""
    storage.use("one", uploads)
    age(uploads[0], -5)
    storage.close("one")
    assert files_in(storage.root) == ["0.png"]


def test_results_of_a_session_that_closed_meanwhile_go(storage: Storage) -> None:
    with storage.folder_for("one", []) as folder:
        storage.close("one")
        folder.mkdir(exist_ok=True)
        (folder / "late.png").touch()
    assert files_in(storage.root) == []


def test_files_of_work_that_begins_after_the_end_of_its_session_go(storage: Storage, uploads: list[Path]) -> None:
    storage.close("one")
    with pytest.raises(ZeroDivisionError), storage.folder_for("one", uploads):
        _ = 1 / 0
    assert files_in(storage.root) == []


def test_what_fails_leaves_no_folder(storage: Storage) -> None:
    with pytest.raises(ZeroDivisionError), storage.folder_for("one", []):
        _ = 1 / 0
    assert [*storage.root.iterdir()] == []


def test_a_session_that_comes_back_is_open(
    storage: Storage, uploads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.close("one")
    storage.use("one", uploads)
    assert storage.is_closed("one"), "what was under way does not open it"
    later = time.monotonic() + 10
    monkeypatch.setattr(time, "monotonic", lambda: later)
    storage.use("one", uploads)
    assert not storage.is_closed("one")


def test_what_is_old_goes(storage: Storage, uploads: list[Path]) -> None:
    storage.use("one", uploads)
    age(uploads[0], 101)
    half_uploaded = storage.root / "tmp123"
    half_uploaded.touch()
    age(half_uploaded, 101)
    storage.sweep()
    assert files_in(storage.root) == ["1.png"]


def test_folders_of_what_is_old_go_too(storage: Storage, uploads: list[Path]) -> None:
    for path in uploads:
        age(path, 101)
    storage.sweep()
    for folder in storage.root.iterdir():
        age(folder, 101)
    storage.sweep()
    assert [*storage.root.iterdir()] == []


def test_using_a_file_keeps_it(storage: Storage, uploads: list[Path]) -> None:
    age(uploads[0], 101)
    storage.use("one", uploads)
    storage.sweep()
    assert files_in(storage.root) == ["0.png", "1.png"]


def test_size_is_that_of_all_files(storage: Storage, uploads: list[Path]) -> None:
    assert storage.size() >= sum(path.stat().st_size for path in uploads)


def test_it_is_gone_in_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_storage(keep_seconds=100) as storage:
        assert storage.root.parent == tmp_path.resolve()
        if os.name == "posix":
            assert stat.S_IMODE(storage.root.stat().st_mode) == 0o700
        (storage.root / "picture.png").touch()
    assert storage.is_closed("any session")
    assert [*tmp_path.iterdir()] == []
