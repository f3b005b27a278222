from __future__ import annotations

import json
from pathlib import Path

from udsd.files import FileReport, FileResult


def test_results_are_told_apart_by_what_became_of_them() -> None:
    results = [
        FileResult(Path("in/a.png"), Path("out/a.png"), "restored", 1.5),
        FileResult(Path("in/b.png"), Path("out/b.png"), "kept"),
        FileResult(Path("in/c.png"), Path("out/c.png"), "failed", 0.1, "in/c.png: damaged"),
        FileResult(Path("in/d.png"), Path("out/d.png"), "sharp"),
        FileResult(Path("in/e.png"), Path("out/e.png"), "unsuitable", 0.1, "in/e.png: no page"),
        FileResult(Path("in/f.png"), Path("out/f.png"), "restored", 2, model="text v0.1.0"),
    ]
    report = FileReport(results)
    assert report.restored == [Path("out/a.png"), Path("out/f.png")]
    assert report.kept == [Path("out/b.png")]
    assert report.failed == {Path("in/c.png"): "in/c.png: damaged"}
    assert report.sharp == [Path("in/d.png")]
    assert report.unsuitable == {Path("in/e.png"): "in/e.png: no page"}
    assert report.models == ["text v0.1.0"]
    document = json.loads(report.to_json())
    counts = {"restored": 2, "kept": 1, "sharp": 1, "unsuitable": 1, "failed": 1}
    assert {key: document[key] for key in counts} == counts
    assert document["models"] == ["text v0.1.0"]
    assert document["files"] == [json.loads(result.to_json()) for result in results]
    assert document["files"][2] == {
        "source": "in/c.png",
        "target": "out/c.png",
        "status": "failed",
        "seconds": 0.1,
        "reason": "in/c.png: damaged",
        "pages": [],
        "model": "",
    }


def test_a_line_of_json_is_one_line() -> None:
    assert "\n" not in FileResult(Path("a\nb.png"), Path("c.png"), "failed", 0, "line\nbreak").to_json()
