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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "is_coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_shows_who_complains_in_colour(
    environment: dict[str, str], is_coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for name, value in {"NO_COLOR": "", "TERM": "xterm", "WT_SESSION": "1", **environment}.items():
        monkeypatch.setenv(name, value)
    print_error("no \x1b[2Jsteps")
    name = "\x1b[31mudsd:\x1b[0m" if is_coloured else "udsd:"
    assert terminal.getvalue() == f"{name} no \\x1b[2Jsteps\n"
