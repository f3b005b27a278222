"""Reading files that others made: a pipe or a device is refused at once, and so is more than a limit."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


def regular_size(path: Path) -> int:
    """The size of a regular file in bytes, or of the one that a link leads to. Nothing is opened.

    Raises:
        OSError: It is missing, or something else than a file; ``strerror`` says what.
    """
    return _regular_size(path.stat(), path)


def read_limited(path: Path, most: int) -> bytes:
    """The content of a regular file of at most so many bytes.

    Raises:
        OSError: It is missing, something else than a file, larger, or cannot be read; ``strerror`` says what.
    """
    regular_size(path)
    # Should a pipe take the file's place in between, this keeps the opening from waiting for its other end.
    with os.fdopen(
        os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb"
    ) as file:
        size = _regular_size(os.fstat(file.fileno()), path)
        # Files that the system makes up have no size.
        content = b"" if size > most else file.read(most + 1)
    if max(size, len(content)) > most:
        raise OSError(errno.EFBIG, f"it has {max(size, len(content))} bytes, more than the {most} allowed", str(path))
    return content


def _regular_size(status: os.stat_result, path: Path) -> int:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
    return status.st_size
