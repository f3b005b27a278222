from __future__ import annotations

import json
from pathlib import Path

from udsd.domains import Region
from udsd.files import FileResult
from udsd.files.report import PageReport
from udsd.serving.telling import as_html, as_json, error_html


def result(name: str = "a.png", reason: str = "", pages: tuple[PageReport, ...] = ()) -> FileResult:
    status = "failed" if reason else "restored"
    return FileResult(Path(name), Path("/secret") / name, status, 1.25, reason, pages, "text v1")


def test_what_was_done_is_told() -> None:
    page = PageReport(1, (Region((0, 0, 9, 9), scale=0.5, inverted=True, size=33.3),), ("a note",))
    told = as_html([result(pages=(page,))])
    for words in ("a.png", "restored by text v1 in 1.2 s", "a note", "33 pixels", "0.5 times", "light print"):
        assert words in told


def test_what_is_reason_and_note_is_told_once() -> None:
    told = as_html([result(reason="a.png: no model is for it", pages=(PageReport(1, (), ("no model is for it",)),))])
    assert told.count("no model is for it") == 1


def test_faces_are_counted() -> None:
    faces = tuple(Region((0, 0, 9, 9), score=0.9) for _ in range(2))
    assert "2 faces restored" in as_html([result(pages=(PageReport(1, faces, ()),))])


def test_of_many_lines_some_are_folded() -> None:
    pages = tuple(PageReport(number, (), (f"note {number}",)) for number in range(1, 13))
    told = as_html([result("scan.pdf", pages=pages)])
    seen, _, folded = told.partition("<details><summary>4 more</summary>")
    assert "Page 8: note 8" in seen
    assert "Page 9: note 9" in folded
    assert "Frame 8: note 8" in as_html([result("clip.mp4", pages=pages)])


def test_names_and_reasons_are_text_and_no_markup() -> None:
    told = as_html([result("<img src=x>.png", "<img src=x>.png: <script>")]) + error_html("<b>\x1b[1m")
    assert "<img" not in told
    assert "<script" not in told
    assert "<b>" not in told
    assert "\x1b" not in told


def test_programs_learn_names_and_no_folders() -> None:
    (entry,) = as_json([result()])
    assert entry["source"] == entry["target"] == "a.png"
    assert "secret" not in json.dumps(entry)
