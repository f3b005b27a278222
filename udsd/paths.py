"""Which file a path means. Unlike those of `pathlib`, these questions may be asked of any path: none raises."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def is_same_file(first: Path, second: Path) -> bool:
    """Whether both lead to one file or folder that exists, by whatever spelling, link or case of the name."""
    try:
        return os.path.samestat(first.stat(), second.stat())
    except (OSError, ValueError):
        return False


def real_path(path: Path) -> Path:
    """The path without links and dots; what does not exist, or may not be looked at, keeps its name."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return path.absolute()


def find_original(target: Path, reads: Iterable[Path]) -> Path | None:
    """Which of the files that are read would be lost if ``target`` were written; None if none would.

    A command that writes where it reads asks this of each of its files.

    Args:
        target: The file or folder to write.
        reads: Files and folders that are read.
    """
    return next((path for path in reads if is_same_file(path, target)), None)
