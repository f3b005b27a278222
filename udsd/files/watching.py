"""A folder that is watched: what arrives in it is restored."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from udsd.arguments import real_number, some_path
from udsd.files.arrivals import Arrivals
from udsd.files.lists import PathList
from udsd.files.report import FileResult
from udsd.files.restore import restore_files
from udsd.files.restorer import Restorer, loaded
from udsd.files.searches import Search


class FolderWatch:
    """Restores what is in a folder, and what arrives in it from then on.

    Results keep their places below the folder. A file is restored once it is whole: nothing of it has changed for some
    seconds, and where the system tells of it, who wrote it has closed it. One that changes later is restored again;
    what was in ``output`` before is kept. A watch that is killed and started again goes on where it stopped.

    Args:
        folder: What is watched, with the folders below it. It may hold the output folder.
        output: The folder for the results.
        settle: Seconds without a change after which a file is whole.
        rescan: Seconds after which the folder is looked through, whatever the system has told.
        other_results: Another folder that results go to, such as the crops of faces; the watched one may hold it too.

    Raises:
        ConfigError: An argument is out of range.

    Example:
        >>> watch = FolderWatch("scans", "restored")  # doctest: +SKIP
        >>> signal.signal(signal.SIGTERM, lambda *_: watch.stop())  # doctest: +SKIP
        >>> watch.run(deblurrer, on_result=print)  # until it is stopped  # doctest: +SKIP
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        output: str | os.PathLike[str],
        *,
        settle: float = 2.0,
        rescan: float = 60.0,
        other_results: str | os.PathLike[str] | None = None,
    ) -> None:
        others = None if other_results is None else some_path("other_results", other_results)
        search = Search(some_path("folder", folder), some_path("output", output), others)
        self._search = search
        self._output = search.output
        self._claimed: dict[Path, Path] = {}
        self._arrivals = Arrivals(
            search,
            real_number("settle", settle, 0, allowed="a number of seconds of at least 0"),
            real_number("rescan", rescan, 0.1, allowed="a number of seconds of at least 0.1"),
        )

    def stop(self) -> None:
        """Finish what is in work, and restore nothing more. A signal handler or another thread may call it."""
        self._arrivals.stop()

    def run(
        self,
        deblurrer: Restorer | Callable[[], Restorer],
        *,
        on_result: Callable[[FileResult], None],
        **keywords: Any,
    ) -> None:
        """Restore until `stop` is called.

        Args:
            deblurrer: The model, or what loads it, called at once.
            on_result: Called with what became of each file, as soon as it is known.
            keywords: As of `udsd.files.restore_files`; there is no progress bar.

        Raises:
            ConfigError: Watchdog is not installed, or as of `udsd.files.restore_files`.
            ImageError: The folder is missing or is a file, or as of `udsd.files.restore_files`.
            UdsdError: The model cannot be loaded.
        """
        restorer = loaded(deblurrer)
        overwrite = keywords.pop("overwrite", False)
        for paths in self._arrivals.rounds():
            changed = {path for path in paths if self._arrivals.was_taken(path)}
            for again, listed in ((False, [path for path in paths if path not in changed]), (True, sorted(changed))):
                arrived = _Arrived(self._given(listed), self._search, self._claimed)
                restore_files(
                    restorer,
                    arrived,
                    f"{self._output}{os.sep}",
                    overwrite=overwrite or again,
                    on_result=on_result,
                    **keywords,
                )

    def _given(self, paths: list[Path]) -> Iterator[Path]:
        """The files, each when it is about to be read, until the watch is stopped."""
        for path in paths:
            if self._arrivals.is_stopped:
                return
            # As it is now: what changes from here on is restored again.
            if self._arrivals.take(path):
                yield path


class _Arrived(PathList):
    """Files of a folder, whose results keep their places below it."""

    def __init__(self, paths: Iterator[Path], search: Search, claimed: dict[Path, Path]) -> None:
        super().__init__(paths)
        self._search = search
        self.claimed = claimed

    def place(self, path: Path) -> Path:
        """Where the result of a file lies below the output folder."""
        return path.relative_to(self._search.base)

    def reads(self, path: Path) -> bool:
        """Whether an existing file lies in the folder as an input does."""
        return self._search.reads(path)
