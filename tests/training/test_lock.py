"""Two trainers in one folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from udsd.errors import ConfigError
from udsd.training.lock import only_trainer

HOLD = """
import sys
from pathlib import Path
from udsd.training.lock import only_trainer
with only_trainer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_told_of_the_first(tmp_path: Path) -> None:
    with (
        only_trainer(tmp_path),
        pytest.raises(ConfigError, match=rf"in use by another training \(process {os.getpid()} on .+\); wait"),
        only_trainer(tmp_path),
    ):
        pass
    with only_trainer(tmp_path):  # nothing stays behind
        pass


def test_a_killed_one_is_in_nobodys_way(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match=f"process {first.pid} on"), only_trainer(tmp_path):
            pass
        first.kill()
        first.wait()
        with only_trainer(tmp_path):
            pass
