"""Files that appear whole or not at all: written under a hidden name, then renamed.

A process that is killed leaves its hidden file behind. The name holds the machine and the process, so that
`remove_unfinished` can tell what the dead have left from what the living are writing.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import socket
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

logger = logging.getLogger(__name__)

_HOST = f"{zlib.crc32(socket.gethostname().encode()):08x}"
_PREFIX = f".udsd-{_HOST}-"
"""How hidden names begin; then come the process, as `_process_name` has it, and a random word."""

_ABANDONED = 24 * 60 * 60
"""Seconds without a change after which what cannot be asked about is taken for dead."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a hidden name beside a file to write to; at the end of the block it becomes the file.

    Missing folders are made. A link is replaced, not followed. If the block raises, the file stays as it was.

    Raises:
        OSError: The folder cannot be made, the file not be renamed, or in its place is a folder, pipe or device.
    """
    _check_replaceable(path)
    # The file's own ending, because Pillow tells the two containers of JPEG 2000 apart by it.
    unfinished = path.with_name(_hidden_name() + path.suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    finally:
        _remove(unfinished)


@contextmanager
def whole_files(folder: Path) -> Iterator[Path]:
    """Give a hidden folder to write to; at the end of the block its files move to the folder around it, one by one.

    A missing folder is made, files of the same names are replaced, and what killed processes have left there is
    removed. If the block raises, or a folder lies where a file should go, nothing moves.

    Raises:
        OSError: The folder cannot be made, or a file not be moved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    unfinished = folder / _hidden_name()
    try:
        unfinished.mkdir()
        yield unfinished
        moves = {path: folder / path.name for path in unfinished.iterdir()}
        # Nothing else that can be known beforehand would stop a move half way through the files.
        for target in moves.values():
            _check_replaceable(target)
        for path, target in moves.items():
            path.replace(target)
    finally:
        _remove(unfinished)


@contextmanager
def passing_folder(parent: Path) -> Iterator[Path]:
    """Give a hidden folder, for this user alone, which is removed with all that is in it at the end of the block.

    What killed processes have left in the same parent is removed first.

    Raises:
        OSError: The folder cannot be made.
    """
    remove_unfinished(parent)
    folder = parent / _hidden_name()
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        _remove(folder)


def check_writable(path: Path) -> None:
    """Make sure that a file could be written; of its folders those that are missing are not made yet.

    Raises:
        OSError: It could not.
    """
    _check_replaceable(path)
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    probe = folder / _hidden_name()
    try:
        probe.touch(exist_ok=False)
    finally:
        _remove(probe)


def remove_unfinished(folder: Path) -> None:
    """Remove what processes of this machine that were killed have left unfinished in a folder."""
    if os.name != "posix":  # elsewhere asking for a process may end it
        return
    with suppress(OSError):
        for path in folder.glob(f"{_PREFIX}*"):
            if _is_left_behind(path):
                _remove(path)


def _check_replaceable(path: Path) -> None:
    """Refuse what is no file. Who may do anything would else rename a file over ``/dev/null``, for all programs."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise
        return  # missing, or a link that leads nowhere, which is replaced; what else is wrong shows when it is written
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    # /dev/stdout is a link, and leads to a file where that is what standard output is.
    is_link_of_the_system = path.is_symlink() and path.parent.resolve() == Path("/dev")
    if not stat.S_ISREG(mode) or is_link_of_the_system:
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))


def _hidden_name() -> str:
    return f"{_PREFIX}{_process_name()}-{secrets.token_hex(8)}"


def _process_name() -> str:
    """Number, start and namespace of this process.

    The number alone tells little in containers: the program is often number 1 of each, one after the other, and several
    may share a host name and a folder without seeing each other's processes.
    """
    return f"{os.getpid()}_{_start_of(os.getpid())}_{_namespace()}"


def _is_left_behind(path: Path) -> bool:
    number, start, namespace = (*path.name.removeprefix(_PREFIX).partition("-")[0].split("_"), "", "")[:3]
    if not number.isdecimal():
        return False
    if namespace in ("", _namespace()):
        return not _is_running(int(number), start)
    changed = max(below.lstat().st_mtime for below in (path, *path.rglob("*")))
    return time.time() - changed > _ABANDONED


def _is_running(process: int, start: str) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    # A later process may have been given the number.
    return start in ("", _start_of(process))


def _start_of(process: int) -> str:
    """When a process was started, in the system's own unit; nothing where the system does not say."""
    with suppress(OSError, IndexError):
        # The name of the program, in parentheses, may hold anything.
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    return ""


def _namespace() -> str:
    """The namespace that numbers of processes belong to; nothing where there are none."""
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    return ""


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        # Where even the folder could not be made there is nothing to remove; the first error tells more.
        logger.debug("%s: cannot be removed (%s)", path, error)
