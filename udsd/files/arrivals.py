"""Files that arrive in a folder: told of by the system, looked for, and waited for until they are whole."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from udsd.errors import ImageError
from udsd.extras import require
from udsd.files.kinds import known_suffixes
from udsd.files.searches import Search
from udsd.images.folders import find_files
from udsd.paths import real_path

logger = logging.getLogger(__name__)

State: TypeAlias = tuple[int, int, int]
"""Number of the file, its size in bytes, and the time of its last change: what is another when its content is."""

_STALLED = 60.0
"""Seconds without a change after which a file is taken for whole though nobody has said that it was closed."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A file that is waited for: how it was when last looked at, since when, and whether somebody has opened it."""

    state: State
    since: float
    is_open: bool


class Arrivals:
    """The files of a folder that are to be restored, each once it is whole.

    A file is whole when neither its size nor its time of change has moved for some seconds; on Linux, where the system
    says so, one that was seen to be opened must have been closed too. A file that is put into the folder by renaming is
    whole at once, but for these seconds.

    Args:
        search: The folder, which is looked through with those below it.
        settle: Seconds without a change.
        rescan: Seconds after which the folder is looked through again: network drives tell of nothing, and of very many
            files at once the system may leave some out.
    """

    def __init__(self, search: Search, settle: float, rescan: float) -> None:
        self._search = search
        self._root = real_path(search.base)
        self._settle = settle
        self._rescan = rescan
        self._told: SimpleQueue[_Told | None] = SimpleQueue()  # which a signal handler may put into
        self._waiting: dict[Path, _Arrival] = {}
        self._taken: dict[Path, State] = {}
        self._passed_over: dict[Path, State] = {}
        self._has_new_folder = False
        self._is_missing = False
        self.is_stopped = False

    def stop(self) -> None:
        """Give no more files. It may be called in a signal handler, or by another thread."""
        self.is_stopped = True
        self._told.put(None)

    def rounds(self) -> Iterator[list[Path]]:
        """Files that are whole, as many as there are at a time, until `stop` is called.

        A file that has changed after it was given is given again.

        Raises:
            ConfigError: Watchdog is not installed.
            ImageError: The folder is missing, is a file or may not be listed, when it is first looked at.
        """
        self._look(is_first=True)
        observer = self._observe()
        try:
            self._look()  # again: what came before the system began to tell, nobody has told of
            looked = time.monotonic()
            while not self.is_stopped:
                whole = self._whole()
                if whole:
                    yield whole
                    continue
                self._listen(max(0.0, min(self._next_due(), looked + self._rescan) - time.monotonic()))
                if time.monotonic() >= looked + self._rescan:
                    self._look()
                    looked = time.monotonic()
        finally:
            if observer is not None:
                observer.stop()
                observer.join()

    def was_taken(self, path: Path) -> bool:
        """Whether a file was taken before, in another state."""
        return path in self._taken

    def take(self, path: Path) -> bool:
        """Take a file in the state that it has; false if it is gone."""
        state = self._state_of(path)
        if state is None:
            return False
        self._taken[path] = state
        return True

    def _state_of(self, path: Path) -> State | None:
        """The state of a file; None if it is gone or no file."""
        try:
            found = path.stat()
        except (OSError, ValueError):
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _whole(self) -> list[Path]:
        """Files that are waited for no longer."""
        now, whole = time.monotonic(), []
        for path, arrival in list(self._waiting.items()):
            if now < self._due(arrival):
                continue
            state = self._state_of(path)
            if state is None:
                del self._waiting[path]
            elif state != arrival.state or not state[1]:
                # An empty file is one that somebody is about to write.
                self._waiting[path] = replace(arrival, state=state, since=now)
            else:
                del self._waiting[path]
                whole.append(path)
        return whole

    def _due(self, arrival: _Arrival) -> float:
        return arrival.since + (max(self._settle, _STALLED) if arrival.is_open else self._settle)

    def _next_due(self) -> float:
        return min((self._due(arrival) for arrival in self._waiting.values()), default=float("inf"))

    def _listen(self, seconds: float) -> None:
        """Wait so long for something to be told, and take in all that has been."""
        try:
            told = self._told.get(timeout=seconds)
            while True:
                if told is not None:
                    self._hear(told)
                told = self._told.get_nowait()
        except Empty:
            pass
        if self._has_new_folder:
            self._has_new_folder = False
            self._look()

    def _hear(self, told: _Told) -> None:
        if told.is_folder:
            # It may have been moved here with all that is in it.
            self._has_new_folder = True
        elif told.path.is_relative_to(self._root):
            self._expect(self._search.base / told.path.relative_to(self._root), is_open=told.is_open)

    def _expect(self, path: Path, *, is_open: bool | None = None) -> None:
        state = self._state_of(path)
        # Results are opened to be told from inputs, of which the system tells in turn: what is known is not opened.
        if state is None or state in (self._taken.get(path), self._passed_over.get(path)):
            return
        arrival = self._waiting.get(path)
        if arrival is None:
            if self._search.takes(path):
                self._waiting[path] = _Arrival(state, time.monotonic(), bool(is_open))
            else:
                self._passed_over[path] = state
            return
        if arrival.state != state:
            arrival = replace(arrival, state=state, since=time.monotonic())
        self._waiting[path] = arrival if is_open is None else replace(arrival, is_open=is_open)

    def _look(self, *, is_first: bool = False) -> None:
        """Look through the whole folder."""
        try:
            for path in find_files(self._search.base, known_suffixes()):
                if path not in self._waiting:
                    self._expect(path)
            self._is_missing = False
        except ImageError as error:
            if is_first:
                raise
            # A drive that is away for a while; it is said once.
            if not self._is_missing:
                logger.warning("%s; it is looked for again", error)
            self._is_missing = True

    def _observe(self) -> Any:
        """Have the system tell of files; None where it cannot, and the folder is looked through alone."""
        observers = require("watchdog.observers", "watchdog", "watch")
        observer = observers.Observer()
        try:
            observer.schedule(_handler(self._told.put), str(self._root), recursive=True)
            observer.start()
        except OSError as error:
            logger.warning(
                "%s: the system does not tell of new files (%s); the folder is looked through every %g seconds",
                self._search.base,
                error.strerror or error,
                self._rescan,
            )
            return None
        return observer


@dataclass(frozen=True, slots=True)
class _Told:
    """What the system tells of: a path, whether it is a folder, and whether a file is open, if that is said."""

    path: Path
    is_folder: bool
    is_open: bool | None


def _handler(tell: Callable[[_Told], None]) -> Any:
    events = require("watchdog.events", "watchdog", "watch")

    class Handler(events.FileSystemEventHandler):  # type: ignore[misc, name-defined]
        """Passes on what is new; called in a thread of watchdog's."""

        def on_created(self, event: Any) -> None:
            # Not that it is open: a file that is moved here is created too.
            self._tell(event.src_path, event.is_directory, None)

        def on_opened(self, event: Any) -> None:
            self._tell(event.src_path, False, True)

        def on_modified(self, event: Any) -> None:
            if not event.is_directory:
                self._tell(event.src_path, False, None)

        def on_moved(self, event: Any) -> None:
            self._tell(event.dest_path, event.is_directory, False)

        def on_closed(self, event: Any) -> None:
            self._tell(event.src_path, False, False)

        def on_closed_no_write(self, event: Any) -> None:
            self._tell(event.src_path, False, False)

        def _tell(self, path: str | bytes, is_folder: bool, is_open: bool | None) -> None:
            tell(_Told(Path(os.fsdecode(path)), is_folder, is_open))

    return Handler()
