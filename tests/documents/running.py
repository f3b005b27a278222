"""A block, run in a folder as a reader would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.documents.blocks import ROOT, Block

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_BAR = re.compile(r"^ *\d+%\|")
"""A progress bar, which only terminals get."""


def run_block(block: Block, folder: Path) -> str:
    """Run it and give all it has printed.

    Raises:
        subprocess.CalledProcessError: It failed; its output is in the notes.
    """
    if block.language == "python":
        command = [sys.executable, "-c", block.to_run]
    elif block.language == "sh":
        command = ["bash", "-euo", "pipefail", "-c", block.to_run]
    else:
        command = ["bash", "-c", "".join(f"{line[2:]}\n" for line in _commands(block))]
    done = subprocess.run(
        command,
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode and block.language != "console":  # there statuses are part of what is shown
        error = subprocess.CalledProcessError(done.returncode, str(block), done.stdout)
        error.add_note(done.stdout)
        raise error
    return done.stdout


def expected_output(block: Block) -> re.Pattern[str]:
    """What a console block shows, with any number for a number and anything for a line of dots."""
    shown = [line for line in block.text.splitlines() if not line.startswith("$ ") and not _BAR.match(line)]
    return re.compile("".join(r"(?:.*\n)*" if line == "..." else _any_number(line) + "\n" for line in shown))


def _commands(block: Block) -> list[str]:
    return [line for line in block.to_run.splitlines() if line.startswith("$ ")]


def _any_number(line: str) -> str:
    return _NUMBER.pattern.join(re.escape(part) for part in _NUMBER.split(line))


def _environment(folder: Path) -> dict[str, str]:
    """That of this process, with this Python's commands and this clone first, and no way to the Hub."""
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": str(ROOT),
        "HF_HOME": str(folder / "huggingface"),
        "HF_HUB_OFFLINE": "1",
    }
