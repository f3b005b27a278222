"""Opening files, and nothing but files: a named pipe or a device could keep its reader waiting for ever."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0)
"""Opening a named pipe to read waits for its writer, unless told not to."""


class NotRegularError(OSError):
    """What was to be opened is a folder, named pipe, socket or device; ``strerror`` says so."""


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file, or a link to one, to read its bytes.

    Raises:
        NotRegularError: It is none.
        OSError: It is missing or may not be read.
    """
    # Before it is opened, since opening alone acts on some devices; and after, since it may have been exchanged.
    _check_regular(path.stat(), path)
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | _WITHOUT_WAITING))  # noqa: SIM115
    try:
        _check_regular(os.fstat(file.fileno()), path)
    except OSError:
        file.close()
        raise
    return file


def _check_regular(status: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise NotRegularError(errno.EISDIR, "is a folder", str(path))
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularError(errno.EINVAL, "is no regular file, but a named pipe, socket or device", str(path))
