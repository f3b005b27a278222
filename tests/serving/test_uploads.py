from __future__ import annotations

from pathlib import Path

import pytest

from udsd.serving.limits import Limits
from udsd.serving.uploads import Upload, format_for, is_picture, look_at, missing_kinds, taken_kinds


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without what reads PDFs and clips."""
    for module in ("pikepdf", "pypdfium2", "av"):
        monkeypatch.setitem(__import__("sys").modules, module, None)


def test_parts_are_counted_before_anything_is_decoded(uploads: list[Path], document: Path, clip: Path) -> None:
    assert look_at(uploads[0], Limits()) == Upload(uploads[0])
    assert look_at(document, Limits()) == Upload(document, 2)
    assert look_at(clip, Limits()) == Upload(clip, 6, "frame")


def test_places_are_told_where_there_are_several() -> None:
    assert Upload(Path("a.png")).place(0) == ""
    assert Upload(Path("a.mp4"), 250, "frame").place(9) == "frame 10 of 250"


def test_the_frames_of_clips_are_limited(clip: Path) -> None:
    assert look_at(clip, Limits(frames=6)).refusal == ""
    assert look_at(clip, Limits(frames=5)).refusal.startswith("has 6 frames, more than the 5 that are allowed")


@pytest.mark.parametrize("name", ["a.png", "a.pdf", "a.mp4", "a", "a.txt"])
def test_what_cannot_be_opened_is_left_to_what_restores_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nothing")
    assert look_at(tmp_path / name, Limits()).refusal == look_at(tmp_path / f"none-{name}", Limits()).refusal


@pytest.mark.usefixtures("lacking")
def test_what_takes_an_extra_says_so_without_it(tmp_path: Path) -> None:
    assert taken_kinds() == ["pictures"]
    assert missing_kinds() == [
        "PDFs cannot be restored here: udsd's extra pdf is not installed.",
        "Clips cannot be restored here: udsd's extra video is not installed.",
    ]
    (tmp_path / "scan.PDF").write_bytes(b"%PDF-1.4")
    assert "udsd's extra pdf is not installed" in look_at(tmp_path / "scan.PDF", Limits()).refusal
    assert "udsd's extra video is not installed" in look_at(tmp_path / "clip.webm", Limits()).refusal


def test_all_is_taken_where_the_extras_are() -> None:
    for module in ("pikepdf", "pypdfium2", "av"):
        pytest.importorskip(module)
    assert taken_kinds() == ["pictures", "PDFs", "clips"]
    assert missing_kinds() == []


@pytest.mark.parametrize(
    ("name", "wanted", "given"),
    [
        ("a.png", "jpg", "jpg"),
        ("a.png", None, None),
        ("a.pdf", "jpg", None),
        ("a.mp4", "jpg", None),
        ("a.mp4", "mkv", "mkv"),
        ("a.png", "mkv", None),
        ("a.avi", "jpg", "mp4"),
        ("a.png", "exe", "exe"),
    ],
)
def test_a_format_is_that_of_files_of_its_kind(name: str, wanted: str | None, given: str | None) -> None:
    pytest.importorskip("av")
    assert format_for(Path(name), wanted) == given


def test_pictures_are_what_is_nothing_else() -> None:
    assert is_picture(Path("a.tif"))
    assert is_picture(Path("a"))
    assert not is_picture(Path("a.PDF"))
    assert not is_picture(Path("a.webm"))
