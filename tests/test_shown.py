"""Text of others on a terminal."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from udsd.cli import main
from udsd.cli.output import print_error, print_line, print_table, show_log
from udsd.shown import escaped, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b31m\x7f\x00", r"\x9b31m\x7f\x00"),
        ("exe.\u202egnp", r"exe.\u202egnp"),
        ("a\u2028b\u2066c", r"a\u2028b\u2066c"),
        ("name\udcff.png", r"name\udcff.png"),
        ("Größe 日本 می\u200cرود 👩\u200d🔬", "Größe 日本 می\u200cرود 👩\u200d🔬"),
        (r"C:\new", r"C:\new"),
    ],
)
def test_what_steers_a_terminal_is_escaped(text: str, expected: str) -> None:
    assert escaped(text) == shown(text) == expected


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    text = shown("unknown key " + "x" * 10_000_000 + "; give another")
    assert len(text) <= 2000
    assert text.startswith("unknown key xxx")
    assert text.endswith("xxx; give another")


def test_results_and_errors_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("a\nb\x1b]0;title\x07")
    print_table([("a\rb", "c")])
    print_error("x\ny" + "z" * 5000)
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [r"a\nb\x1b]0;title\x07", r"a\rb  c"]
    assert captured.err.count("\n") == 1
    assert len(captured.err) < 2100


def test_what_any_library_logs_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    factory = logging.getLogRecordFactory()
    logger = logging.getLogger("another.library")
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    try:
        show_log(logging.WARNING)
        logger.warning("server said %s", "\x1b[2J\nok")
    finally:
        logging.setLogRecordFactory(factory)
        logger.removeHandler(handler)
    assert r"server said \x1b[2J\nok" in capsys.readouterr().err


def test_a_command_shows_a_hostile_name_harmlessly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deblur", str(tmp_path / "a\x1b[2Jb\nc.png"), "-o", str(tmp_path / "o")]) == 2
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert err.count("\n") == 1
    assert r"a\x1b[2Jb\nc.png" in err
