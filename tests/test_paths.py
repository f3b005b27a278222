from __future__ import annotations

import os
from pathlib import Path

import pytest

from udsd.paths import find_original, is_same_file, real_path


def test_a_file_is_known_by_every_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.png"
    file.touch()
    (tmp_path / "soft.png").symlink_to("a.png")
    (tmp_path / "hard.png").hardlink_to(file)
    (tmp_path / "folder").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "./a.png", "folder/a.png", "soft.png", "hard.png"):
        assert is_same_file(file, Path(name))
        assert find_original(Path(name), [tmp_path, file]) == file
    assert real_path(Path("folder/soft.png")) == file.resolve()


@pytest.mark.parametrize("name", ["missing", "a" * 5000, "\0", "loop/x"])
def test_any_path_may_be_asked_for(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    path = Path(os.path.join(tmp_path, name))  # noqa: PTH118
    assert not is_same_file(path, path)
    assert find_original(path, [path]) is None
    assert isinstance(real_path(path), Path)


@pytest.mark.skipif(os.name != "posix", reason="a folder in use cannot be removed")
def test_without_a_current_folder_a_relative_path_stays_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert real_path(Path("a.png")) == Path("a.png")
    assert real_path(tmp_path / "a.png") == tmp_path.resolve() / "a.png"
