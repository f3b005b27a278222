"""Which file a path means. Unlike those of `pathlib`, these questions may be asked of any path: none raises."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def identity(path: Path) -> tuple[int, int] | None:
    """What is the same for all names of a file or folder; None if it does not exist or may not be looked at."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def is_same_file(first: Path, second: Path) -> bool:
    """Whether both lead to one file or folder that exists, by whatever spelling, link or case of the name."""
    found = identity(first)
    return found is not None and found == identity(second)


def exists(path: Path) -> bool:
    """Whether there is something of that name that may be looked at."""
    return identity(path) is not None


def is_folder(path: Path) -> bool:
    """Whether it is a folder, or a link to one."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Whether it is a regular file, or a link to one."""
    return os.path.isfile(path)  # noqa: PTH113


def names_folder(path: str | os.PathLike[str]) -> bool:
    """Whether text says by a slash at its end that it means a folder; a path object no longer knows."""
    ends = tuple(filter(None, (os.sep, os.altsep)))
    return os.fspath(path).endswith(ends)


def ignores_case(folder: Path) -> bool:
    """Whether a folder takes names that differ in their case alone for one; of one that is missing, those around it."""
    for one in (folder, *folder.parents):
        swapped = one.name.swapcase()
        if swapped != one.name and exists(one):
            return is_same_file(one, one.with_name(swapped))
    return False


def real_path(path: Path) -> Path:
    """The path without links and dots; what does not exist, or may not be looked at, keeps its name.

    Where there is no current folder any more, a relative path stays relative.
    """
    for absolute in (os.path.realpath, os.path.abspath):
        with suppress(OSError, ValueError):
            return Path(absolute(path))
    return path


def find_original(target: Path, reads: Iterable[Path]) -> Path | None:
    """Which of the files that are read would be lost if ``target`` were written; None if none would.

    A command that writes where it reads asks this of each of its files.

    Args:
        target: The file or folder to write.
        reads: Files and folders that are read.
    """
    return next((path for path in reads if is_same_file(path, target)), None)
