from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from udsd.degradation.workers import map_in_processes
from udsd.errors import MemoryLimitError

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def squared(number: int) -> int:
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if number > 1000:
        time.sleep(600)
    return number**2


def test_results_come_in_order() -> None:
    assert list(map_in_processes(squared, range(9), 2)) == [number**2 for number in range(9)]


@needs_posix
def test_a_worker_that_is_killed_gives_an_error_of_ours() -> None:
    with pytest.raises(MemoryLimitError, match=r"one of 2 worker processes was killed, .*; use fewer"):
        list(map_in_processes(squared, [1, 2, -1, 3], 2))


def test_who_leaves_early_does_not_wait() -> None:
    results = map_in_processes(squared, [3, 2000, 2000, 2000], 2)
    assert next(results) == 9
    start = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < 60


@needs_posix
@pytest.mark.parametrize("how", ["terminal", "twice", "parent alone", "killed"])
def test_interrupting_leaves_no_traceback_and_no_worker(
    make_pdf: Callable[..., Path], tmp_path: Path, how: str
) -> None:
    for name in "abcd":
        make_pdf(tmp_path / "documents" / f"{name}.pdf", ["0 0 72 72 re f"] * 400)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "udsd.training", "prepare-pages", tmp_path / "documents", "-o", out]
    options = ["--processes", "2", "--pages-per-document", "400", "--dpi", "1200", "1200"]
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True, start_new_session=True)
    while process.poll() is None and not [*out.glob("*.png")]:
        time.sleep(0.01)
    if how == "killed":
        process.kill()
    elif how == "parent alone":
        process.send_signal(signal.SIGINT)
    else:
        for _ in range(2 if how == "twice" else 1):
            os.killpg(process.pid, signal.SIGINT)
    # Ends when nobody has standard error open any more, so when no worker lives.
    _, error = process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if how == "killed" else 130)
    assert "Traceback" not in error
    if how != "killed":
        assert error.strip().endswith("done; run again to go on")
