"""Files that a process has not finished."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from udsd import atomic


def dead_process() -> int:
    """Number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave_unfinished(folder: Path, process: int) -> Path:
    """Half a file, as a process of this machine would leave it if it were killed."""
    path = folder / f"{atomic._PREFIX}{process}-ab.png"
    path.write_bytes(b"half")
    return path
