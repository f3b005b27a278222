from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from udsd.errors import ConfigError, ImageError
from udsd.files import FileReport, PathList, restore_files
from udsd.files import lists as lists_module


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("in/1/page.png", "in/2/page.png", "in/2/other page.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(name)
    return tmp_path


def statuses(report: FileReport) -> dict[str, str]:
    return {str(result.source): result.status for result in report.results}


def restored(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "content",
    [
        b"in/1/page.png\nin/2/page.png\nin/2/other page.png\n",
        b"in/1/page.png\r\n\r\n./in/2/page.png\r\nin/2/other page.png\r\nin/1/page.png",
        b"in/1/page.png\0in/2/page.png\0in/2/other page.png\0",
    ],
)
def test_results_keep_their_places(content: bytes, scans: Path, brighter: Any) -> None:
    Path("list.txt").write_bytes(content)
    for given in ("list.txt", io.BytesIO(content)):
        report = restore_files(brighter, PathList.read(given), "out")
        assert len(report.results) == 3
    assert restored(scans / "out") == ["in/1/page.png", "in/2/other page.png", "in/2/page.png"]
    assert {result.status for result in report.results} == {"kept"}


def test_absolute_paths_keep_theirs_too(scans: Path, brighter: Any) -> None:
    restore_files(brighter, PathList([scans / "in" / "1" / "page.png"]), "out")
    assert restored(scans / "out") == [(scans / "in" / "1" / "page.png").relative_to("/").as_posix()]


def test_what_is_wrong_with_one_path_stops_no_other(scans: Path, brighter: Any) -> None:
    listed = PathList(["missing.png", "in", "in/../in/1/page.png", "in/2/page.png", "in/1/page.txt"])
    report = restore_files(brighter, listed, "out", file_format="png")
    assert statuses(report) == {
        "missing.png": "failed",
        "in": "failed",
        "in/../in/1/page.png": "failed",
        "in/2/page.png": "restored",
        "in/1/page.txt": "failed",
    }
    reasons = " ".join(report.failed.values())
    assert "no such file" in reasons
    assert "is a folder; a list names files" in reasons
    assert "with .. in it" in reasons


def test_no_input_is_written_over(scans: Path, brighter: Any) -> None:
    before = Path("in/1/page.png").read_bytes()
    assert statuses(restore_files(brighter, PathList(["in/1/page.png"]), ".", overwrite=True)) == {
        "in/1/page.png": "failed"
    }
    Image.new("L", (8, 8)).save("in/1/page.jpg")
    listed = PathList(["in/1/page.jpg", "in/1/page.png"])
    report = restore_files(brighter, listed, ".", overwrite=True, file_format="png")
    assert set(statuses(report).values()) == {"failed"}
    assert "is no result but an image to restore itself" in " ".join(report.failed.values())
    assert Path("in/1/page.png").read_bytes() == before


def test_two_files_of_one_result(scans: Path, brighter: Any) -> None:
    Image.new("L", (8, 8)).save("in/1/page.jpg")
    report = restore_files(brighter, PathList(["in/1/page.jpg", "in/1/page.png"]), "out", file_format="png")
    assert statuses(report) == {"in/1/page.jpg": "restored", "in/1/page.png": "failed"}


def test_a_share_of_a_list(scans: Path, brighter: Any) -> None:
    names = ["in/1/page.png", "in/2/page.png", "in/2/other page.png"]
    found = [
        str(result.source)
        for number in (1, 2)
        for result in restore_files(brighter, PathList(names), "out", shard=f"{number}/2").results
    ]
    assert sorted(found) == sorted(names)


def test_a_list_that_comes_while_the_first_are_restored(scans: Path, brighter: Any) -> None:
    done: list[str] = []
    asked: list[int] = []

    def paths() -> Any:
        for index in range(50):
            asked.append(len(done))
            yield f"missing-{index}.png"

    restore_files(
        brighter, PathList(paths()), "out", on_result=lambda result: done.append(result.status), progress=True
    )
    assert len(done) == 50
    assert asked[-1] > 40


def test_lists_that_are_none(scans: Path, brighter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("empty.txt").write_text("\n\n")
    with pytest.raises(ConfigError, match=r"empty\.txt holds no paths"):
        PathList.read("empty.txt")
    with pytest.raises(ConfigError, match=r"the list missing cannot be read \(No such file"):
        PathList.read("missing")
    with pytest.raises(ConfigError, match=r"cannot be read \(it is a folder"):
        PathList.read("in")
    monkeypatch.setattr(lists_module, "_LARGEST", 10)
    with pytest.raises(ConfigError, match="more than 10 bytes"):
        PathList.read(io.BytesIO(b"a" * 100))
    with pytest.raises(ImageError, match=r"out\.png names a file"):
        restore_files(brighter, PathList(["a.png"]), "out.png")
