"""Where visitors' files lie while they are needed, and how they go."""

from __future__ import annotations

import math
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from udsd.atomic import passing_folder

_SWEEPS = 8
"""Looks at the age of files within the time that they are kept."""

_LONGEST_REST = 60.0
"""Seconds between two of them at most."""

_UNDER_WAY = 5.0
"""Seconds after the end of a session in which work may begin that was asked for before."""


class Storage:
    """A folder of its own for all files of visitors.

    They are deleted when the session (a page in a browser, a client's connection) is closed, when they are too old,
    and all of them when the program ends; if it is killed, when it is started again.

    Args:
        root: The folder; nobody else may write to it.
        keep_seconds: Files are deleted when they have not been used for so long.
    """

    def __init__(self, root: Path, keep_seconds: float) -> None:
        self.root = root
        self._keep = keep_seconds
        self._owned: defaultdict[str, dict[Path, float]] = defaultdict(dict)
        self._closed: dict[str, float] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @contextmanager
    def folder_for(self, session: str, files: Iterable[Path]) -> Iterator[Path]:
        """Give a new folder, whose name nobody can guess, for what a session gets in return for files.

        It is deleted with all else that the session has; at the end of the block, if that raises or the session was
        closed meanwhile.
        """
        folder = self.root / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        self.use(session, [*files, folder])
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            if self.is_closed(session):
                shutil.rmtree(folder, ignore_errors=True)
                self.close(session)

    def use(self, session: str, paths: Iterable[Path]) -> None:
        """Say that a session has files or folders, and needs them from now on. What is missing is passed over.

        A session that was closed, for its connection was lost, is open again; unless that was just now: then this comes
        from what was under way.
        """
        with self._lock:
            if time.monotonic() - self._closed.get(session, -math.inf) > _UNDER_WAY:
                self._closed.pop(session, None)
            for path in paths:
                with suppress(OSError):
                    os.utime(path)
                    self._owned[session][path] = path.lstat().st_mtime

    def close(self, session: str) -> None:
        """Delete what a session has, but for what another has too: names are made of contents.

        What has been brought once more since it was used here is another session's as well, which may not have said
        so yet.
        """
        with self._lock:
            self._closed[session] = time.monotonic()
            owned = self._owned.pop(session, {})
            shared = {path for others in self._owned.values() for path in others}
        for path, used in owned.items():
            if path in shared:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
                continue
            with suppress(OSError):
                if path.lstat().st_mtime <= used:
                    path.unlink()

    def is_closed(self, session: str) -> bool:
        """Whether a session was closed and has not come back, or the program is about to end."""
        return self._ended.is_set() or session in self._closed

    def size(self) -> int:
        """Bytes of all files."""
        return sum(_size(path) for path in self.root.rglob("*"))

    def sweep(self) -> None:
        """Delete what has not been used for too long, and folders that have been empty for as long."""
        oldest = time.time() - self._keep
        # What lies deeper comes first, so that folders are empty when it is their turn.
        for path in sorted(self.root.rglob("*"), key=lambda path: -len(path.parts)):
            with suppress(OSError):
                if path.lstat().st_mtime > oldest:
                    continue
                if path.is_dir():
                    path.rmdir()
                else:
                    path.unlink()
        with self._lock:
            long_ago = time.monotonic() - self._keep
            self._closed = {session: when for session, when in self._closed.items() if when > long_ago}
            for session, owned in [*self._owned.items()]:
                self._owned[session] = {path: used for path, used in owned.items() if path.exists()}
                if not self._owned[session]:
                    del self._owned[session]

    def end(self) -> None:
        """Have all work end that looks at `is_closed`."""
        self._ended.set()

    def sweep_until_the_end(self) -> None:
        """Sweep now and then, until `end` is called."""
        while not self._ended.wait(min(self._keep / _SWEEPS, _LONGEST_REST)):
            self.sweep()


@contextmanager
def open_storage(keep_seconds: float) -> Iterator[Storage]:
    """A storage in the system's folder for temporary files, which is gone at the end of the block."""
    with passing_folder(Path(tempfile.gettempdir()).resolve()) as root:
        storage = Storage(root, keep_seconds)
        sweeper = threading.Thread(target=storage.sweep_until_the_end, daemon=True, name="udsd-sweep")
        sweeper.start()
        try:
            yield storage
        finally:
            storage.end()
            sweeper.join()


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.lstat().st_size
    return 0
