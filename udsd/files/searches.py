"""Folders and patterns that are searched for inputs, without results of earlier runs among them."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from udsd.files.kinds import known_suffixes
from udsd.images.folders import find_files
from udsd.images.mark import is_marked
from udsd.paths import exists, is_folder, is_same_file, real_path


class Search:
    """A folder or pattern.

    What lies in an output folder inside of what is searched is no input. Where inputs and results lie in one folder,
    files that bear our mark (`udsd.images.mark`) are none. A search that cannot come upon results of its own run passes
    over no mark: who wants a folder of results restored once more gets that.

    Args:
        given: A folder, or a pattern.
        output: Where the results go.
        other_results: Another folder that results go to, such as the crops of faces.

    Attributes:
        given: What was given.
        output: Where the results go.
        base: The folder, or the fixed part of the pattern; inputs keep their places below it.
        has_passed_over: Whether results of earlier runs were left out.
    """

    def __init__(self, given: Path, output: Path, other_results: Path | None = None) -> None:
        self.given = given
        self.base, self._pattern = _split(given)
        self.has_passed_over = False
        self.output = output
        self._results = [output] if other_results is None else [output, other_results]
        self._meets_results = any(_may_meet(self.base, results) for results in self._results)
        self._folders: dict[Path, bool] = {}
        self._areas: dict[Path, bool] = {}

    def __iter__(self) -> Iterator[Path]:
        """The inputs, while they are still being searched.

        Raises:
            ImageError: The folder is missing, is a file or cannot be listed (raised at once).
        """
        found = find_files(self.base, known_suffixes()) if self._pattern is None else self._matching(self._pattern)
        return (path for path in found if not self._is_result(path))

    def takes(self, path: Path) -> bool:
        """Whether a file below a folder that is searched is one of the inputs."""
        is_hidden = any(part.startswith(".") for part in path.relative_to(self.base).parts)
        return not is_hidden and path.suffix.lower() in known_suffixes() and not self._is_result(path)

    def reads(self, path: Path) -> bool:
        """Whether an existing file, called in any way, is one of the inputs or lies among them like one."""
        if path.suffix.lower() not in known_suffixes() or path.name.startswith("."):
            return False
        folder = real_path(path).parent
        if folder not in self._areas:
            self._areas[folder] = any(is_same_file(one, self.base) for one in (folder, *folder.parents))
        return self._areas[folder] and not self._is_in_results(folder) and not is_marked(path)

    def _is_result(self, path: Path) -> bool:
        is_result = self._meets_results and (self._is_in_results(path.parent) or is_marked(path))
        self.has_passed_over |= is_result
        return is_result

    def _is_in_results(self, folder: Path) -> bool:
        """Whether a folder is an output folder inside of what is searched, or lies in it."""
        if folder not in self._folders:
            is_output = any(is_same_file(folder, results) for results in self._results)
            at_end = is_same_file(folder, self.base) or folder == folder.parent
            self._folders[folder] = not at_end and (is_output or self._is_in_results(folder.parent))
        return self._folders[folder]

    def _matching(self, pattern: str) -> Iterator[Path]:
        shows_hidden = any(part.startswith(".") for part in Path(pattern).parts)
        for path in self.base.glob(pattern):
            is_hidden = any(part.startswith(".") for part in path.relative_to(self.base).parts)
            # As a shell does; half-written files have hidden names too.
            if (shows_hidden or not is_hidden) and not is_folder(path):
                yield path


def is_pattern(given: Path) -> bool:
    """Whether a path that does not exist is to be read as a pattern."""
    return glob.has_magic(str(given))


def _split(given: Path) -> tuple[Path, str | None]:
    """The fixed part of a pattern, and the rest; of a folder all is fixed. What exists is fixed, whatever its name."""
    if is_folder(given):
        return given, None
    fixed = Path()
    parts = given.parts
    for index, part in enumerate(parts):
        if glob.has_magic(part) and not exists(fixed / part):
            return fixed, str(Path(*parts[index:]))
        fixed /= part
    return fixed, None


def _may_meet(base: Path, output: Path) -> bool:
    """Whether results can lie where is searched."""
    area, results = real_path(base), real_path(output)
    if any(is_same_file(folder, base) for folder in (results, *results.parents)):
        return True
    # scans/ restored into the folder around it: its scans/scans/ would go to scans/.
    return area.is_relative_to(results) and is_folder(area / area.relative_to(results))
