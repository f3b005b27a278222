"""Lists of paths of files, each of whose results keeps its place."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path

from udsd.arguments import some_path
from udsd.errors import ConfigError
from udsd.images.content import ReadableFile
from udsd.paths import is_folder
from udsd.regular import read_limited

_LARGEST = 2**28
"""Bytes of a list: millions of paths."""


class PathList:
    """Files to restore, named one by one.

    Unlike files that are given to `udsd.files.restore_files` by themselves, those of a list keep their places: the
    result of ``scans/1/page.png`` is ``OUTPUT/scans/1/page.png``, and that of ``/data/page.png`` is
    ``OUTPUT/data/page.png``.

    Args:
        paths: The files.

    Attributes:
        claimed: Of each result that was planned the file it is made of.
    """

    def __init__(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        self._paths = paths
        self.claimed: dict[Path, Path] = {}

    @cached_property
    def _absolute(self) -> set[str]:
        return {os.path.abspath(path) for path in self._paths}  # noqa: PTH100

    @property
    def is_finite(self) -> bool:
        """Whether all paths are known already, so that they may be counted."""
        return isinstance(self._paths, Collection)

    def reads(self, path: Path) -> bool:
        """Whether an existing file is one of the list."""
        return self.is_finite and os.path.abspath(path) in self._absolute  # noqa: PTH100

    @classmethod
    def read(cls, source: str | os.PathLike[str] | ReadableFile) -> PathList:
        """Read a list of paths: one a line, or ended by NUL as those of ``find -print0``; empty lines are left out.

        Args:
            source: The file with the list, or a file object opened for bytes.

        Raises:
            ConfigError: It cannot be read, is too long, or holds no path.
        """
        if isinstance(source, ReadableFile):
            name, content = "the list", source.read(_LARGEST + 1)
            if len(content) > _LARGEST:
                raise ConfigError(f"{name} has more than {_LARGEST} bytes; split it")
        else:
            name = os.fspath(source)
            try:
                content = read_limited(some_path("the list", source), _LARGEST)
            except OSError as error:
                raise ConfigError(f"the list {name} cannot be read ({error.strerror}); give a text file") from error
        is_ended_by_nul = b"\0" in content
        lines = content.split(b"\0") if is_ended_by_nul else [line.removesuffix(b"\r") for line in content.split(b"\n")]
        paths = [os.fsdecode(line) for line in lines if line]
        if not paths:
            raise ConfigError(f"{name} holds no paths; write one a line")
        return cls(dict.fromkeys(paths))

    def __iter__(self) -> Iterator[tuple[Path, Path, str]]:
        """Of each file its path, the place of its result below the output folder, and why it cannot be restored."""
        for given in self._paths:
            path = some_path("an input", given)
            place = self.place(path)
            if ".." in place.parts:
                reason = f"{path}: a result cannot keep a place with .. in it; give paths below the current folder"
                yield path, Path(path.name), reason
            elif is_folder(path):
                yield path, place, f"{path}: is a folder; a list names files (find lists those of a folder)"
            else:
                yield path, place, ""

    def place(self, path: Path) -> Path:
        """Where the result of a file lies below the output folder."""
        return path.relative_to(path.anchor) if path.anchor else path


def read_standard_input() -> PathList:
    """The list of paths on standard input.

    Raises:
        ConfigError: It is closed, too long, or holds no path.
    """
    if not hasattr(sys.stdin, "buffer"):
        raise ConfigError("standard input is closed; name a file with the list")
    return PathList.read(sys.stdin.buffer)
