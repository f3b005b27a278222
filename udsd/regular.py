"""Opening and reading files that others made, and nothing but files.

A named pipe or a device could keep its reader waiting for ever, and a file may be larger than anybody would make it.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0)
"""Opening a named pipe to read waits for its writer, unless told not to."""

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


class NotRegularError(OSError):
    """What was to be opened is a folder, named pipe, socket or device; ``strerror`` says which."""


def regular_size(path: Path) -> int:
    """The size of a regular file in bytes, or of the one that a link leads to. Nothing is opened.

    Raises:
        NotRegularError: It is something else than a file.
        OSError: It is missing or may not be looked at.
    """
    return _regular_size(path.stat(), path)


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file, or a link to one, to read its bytes.

    Raises:
        NotRegularError: It is none.
        OSError: It is missing or may not be read.
    """
    # Before it is opened, since opening alone acts on some devices; and after, since it may have been exchanged.
    regular_size(path)
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | _WITHOUT_WAITING))  # noqa: SIM115
    try:
        _regular_size(os.fstat(file.fileno()), path)
    except OSError:
        file.close()
        raise
    return file


def read_limited(path: Path, most: int) -> bytes:
    """The content of a regular file of at most so many bytes.

    Raises:
        NotRegularError: It is something else than a file.
        OSError: It is missing, larger, or cannot be read; ``strerror`` says what.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        # Files that the system makes up have no size.
        content = b"" if size > most else file.read(most + 1)
    if max(size, len(content)) > most:
        raise OSError(errno.EFBIG, f"it has {max(size, len(content))} bytes, more than the {most} allowed", str(path))
    return content


def _regular_size(status: os.stat_result, path: Path) -> int:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        number = errno.EISDIR if kind == stat.S_IFDIR else errno.EINVAL
        raise NotRegularError(number, f"it is {_KINDS.get(kind, 'something else')}, not a file", str(path))
    return status.st_size
