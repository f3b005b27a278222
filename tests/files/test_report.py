from __future__ import annotations

import json
from pathlib import Path

from udsd.files import FileReport, FileResult


def test_results_are_told_apart_by_what_became_of_them() -> None:
    results = [
        FileResult(Path("in/a.png"), Path("out/a.png"), "restored", 1.5),
        FileResult(Path("in/b.png"), Path("out/b.png"), "kept"),
        FileResult(Path("in/c.png"), Path("out/c.png"), "failed", 0.1, "in/c.png: damaged"),
    ]
    report = FileReport(results)
    assert report.restored == [Path("out/a.png")]
    assert report.kept == [Path("out/b.png")]
    assert report.failed == {Path("in/c.png"): "in/c.png: damaged"}
    document = json.loads(report.to_json())
    assert {key: document[key] for key in ("restored", "kept", "failed")} == {"restored": 1, "kept": 1, "failed": 1}
    assert document["files"] == [json.loads(result.to_json()) for result in results]
    assert document["files"][2] == {
        "source": "in/c.png",
        "target": "out/c.png",
        "status": "failed",
        "seconds": 0.1,
        "reason": "in/c.png: damaged",
        "pages": [],
    }


def test_a_line_of_json_is_one_line() -> None:
    assert "\n" not in FileResult(Path("a\nb.png"), Path("c.png"), "failed", 0, "line\nbreak").to_json()
