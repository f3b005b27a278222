from __future__ import annotations

import io
import logging
import sys

import pytest

from udsd.training import progress as progress_module
from udsd.training.progress import Progress, duration


class Clock:
    """A clock that goes only when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


def test_without_a_terminal_there_is_a_line_now_and_then(
    clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    caplog.set_level("INFO")
    with Progress(0, 100, shown=True) as progress:
        progress.begin_stage("warm start", 100)
        for _ in range(70):
            clock.now += 1
            progress.advance()
            progress.show({"restoration": 0.0123456, "kl": 3.0})
    assert [record.getMessage() for record in caplog.records] == [
        "step 21: 1.00 s a step, about 79 s to the end of the run",
        "step 30 of 100, 70 s left: restoration 0.01235, kl 3",
        "step 60 of 100, 40 s left: restoration 0.01235, kl 3",
    ]
    assert stream.getvalue() == ""


def test_on_a_terminal_there_is_a_bar(
    clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    caplog.set_level("INFO")
    with Progress(10, 20, shown=True) as progress:
        progress.begin_stage("unpaired", 20)
        for _ in range(10):
            progress.advance()
            progress.show({"cycle_sharp": 0.5})
    assert "20/20" in stream.getvalue()
    assert "\r" in stream.getvalue()
    assert caplog.records == []


def test_log_lines_stand_above_the_bar(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    handler = logging.StreamHandler(stream)
    monkeypatch.setattr(logging.root, "handlers", [handler])
    with Progress(0, 20, shown=True) as progress:
        progress.advance()
        logging.getLogger("udsd.training").warning("look")
        progress.advance()
    assert logging.root.handlers == [handler]
    before, _, after = stream.getvalue().partition("look\n")
    assert before.endswith("\r")  # the bar was wiped out first
    assert "2/20" in after


def test_each_stage_has_a_time_of_its_own(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with Progress(0, 100, shown=True) as progress:
        assert progress.seconds_left is None
        for step in range(100):
            progress.begin_stage(*(("warm start", 50) if step < 50 else ("unpaired", 100)))
            clock.now += (2 if step == 0 else 1) if step < 50 else 300  # the first step is slow
            progress.advance()
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "step 21: 1.00 s a step, about 29 s to the end of the warm start stage",
        "step 71: 300.00 s a step, about 2 h 25 min to the end of the run",
    ]


def test_processes_that_write_nothing_show_nothing(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with Progress(0, 100, shown=False) as progress:
        progress.begin_stage("warm start", 100)
        for _ in range(50):
            clock.now += 10
            progress.advance()
            progress.show({"kl": 1.0})
    assert caplog.records == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (89.4, "89 s"), (95, "2 min"), (5340, "89 min"), (5430, "1 h 30 min"), (36000, "10 h 0 min")],
)
def test_durations_are_said_as_people_do(seconds: float, words: str) -> None:
    assert duration(seconds) == words
