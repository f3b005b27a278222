from __future__ import annotations

import io
import sys

import pytest

from udsd.cli.output import print_error, print_line, print_table


def test_results_and_errors_go_apart(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("done")
    print_error(ValueError("no such file"))
    print_error("no steps", command="udsd-train")
    captured = capsys.readouterr()
    assert captured.out == "done\n"
    assert captured.err == "udsd: no such file\nudsd-train: no steps\n"


def test_columns_are_aligned_and_lines_end_without_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("name", "MB"), ("text-small", "6.1"), ("a", "")])
    assert capsys.readouterr().out == "name        MB\ntext-small  6.1\na\n"


def test_each_line_is_flushed_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads a pipe gets the line of a file as soon as that is done."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw, 1 << 16)))  # type: ignore[type-var]
    for number in range(3):
        print_line(f"{number}")
        assert raw.getvalue().decode().split() == [f"{one}" for one in range(number + 1)]
