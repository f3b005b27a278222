"""Files in a storage that PyArrow knows: those of this machine, of S3, Google, Azure, HDFS, or of fsspec."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self

from udsd.errors import ConfigError, ImageError
from udsd.extras import require

_PREFIX = ".udsd-ray-"
"""How the names of files begin that are being written; then come the run and a random word."""

_ABANDONED = 24 * 60 * 60
"""Seconds after which such a file of another run is taken for one that a dead worker has left."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A place in a storage.

    Attributes:
        system: A `pyarrow.fs.FileSystem`.
        root: The path of a file or folder in it.
    """

    system: Any
    root: str

    @classmethod
    def at(cls, address: str, system: Any = None) -> Self:
        """The storage of an address.

        Args:
            address: Such as ``s3://bucket/scans``, or a path on this machine; with a system, a path in that.
            system: The `pyarrow.fs.FileSystem`, or None for that of the address.

        Raises:
            ConfigError: PyArrow is not installed or knows no such storage.
        """
        fs = require("pyarrow.fs", "pyarrow", "ray")
        if not isinstance(address, str | Path) or not str(address):
            raise ConfigError(f"the address is {address!r}; give one such as 's3://bucket/scans', or a path")
        if system is not None:
            return cls(system, str(address).rstrip("/"))
        if "://" not in str(address):
            return cls(fs.LocalFileSystem(), Path(address).absolute().as_posix())
        try:
            found, root = fs.FileSystem.from_uri(address)
        except (OSError, ValueError) as error:  # pyarrow's own errors are of these kinds
            raise ConfigError(
                f"the address {address} is of no storage that can be used here ({' '.join(str(error).split())}); give "
                "filesystem=, a pyarrow.fs.FileSystem, be it one of fsspec"
            ) from error
        return cls(found, root.rstrip("/"))

    def files(self) -> Iterator[tuple[str, str]]:
        """Path of each file, and its place below the root; of a root that is a file its name. Hidden ones are left out.

        Raises:
            ImageError: The root is missing or cannot be listed.
        """
        fs = require("pyarrow.fs", "pyarrow", "ray")
        try:
            root = self.system.get_file_info(self.root)
            if root.type == fs.FileType.File:
                yield root.path, PurePosixPath(root.path).name
                return
            found = self.system.get_file_info(fs.FileSelector(self.root, recursive=True))
        except OSError as error:
            raise ImageError(f"{self.root}: cannot be listed ({one_line(error)}); check the address") from error
        for info in sorted(found, key=lambda info: str(info.path)):
            place = PurePosixPath(info.path).relative_to(PurePosixPath(self.root))
            if info.type == fs.FileType.File and not any(part.startswith(".") for part in place.parts):
                yield info.path, place.as_posix()

    def places(self) -> set[str]:
        """The places of all files; none where the root does not exist yet.

        Raises:
            ImageError: It cannot be listed.
        """
        fs = require("pyarrow.fs", "pyarrow", "ray")
        try:
            is_there = self.system.get_file_info(self.root).type == fs.FileType.Directory
        except OSError as error:
            raise ImageError(f"{self.root}: cannot be looked at ({one_line(error)}); check the address") from error
        return {place for _, place in self.files()} if is_there else set()

    def path(self, place: str) -> str:
        """The path of a place."""
        return f"{self.root}/{place}"

    def holds(self, path: str) -> bool:
        """Whether there is a file."""
        fs = require("pyarrow.fs", "pyarrow", "ray")
        return bool(self.system.get_file_info(path).type == fs.FileType.File)

    def fetch(self, path: str, local: Path) -> None:
        """Copy a file to this machine.

        Raises:
            OSError: It cannot be read or written.
        """
        with self.system.open_input_stream(path) as source, local.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)

    def put(self, local: Path, path: str, run: str) -> None:
        """Copy a file of this machine here: it appears whole or not at all.

        Args:
            local: The file.
            path: Its path here. What is there is replaced.
            run: Of which it is, in the name that it has until it is whole.

        Raises:
            OSError: It cannot be read or written.
        """
        parent = PurePosixPath(path).parent.as_posix()
        aside = f"{parent}/{_PREFIX}{run}-{secrets.token_hex(8)}"
        with local.open("rb") as source, self._created(aside, parent) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        self.system.move(aside, path)

    def tidy(self, run: str) -> None:
        """Remove what workers of this run that died have left unfinished, and what others have long ago."""
        fs = require("pyarrow.fs", "pyarrow", "ray")
        try:
            found = self.system.get_file_info(fs.FileSelector(self.root, recursive=True, allow_not_found=True))
            for info in found:
                is_aside = PurePosixPath(info.path).name.startswith(_PREFIX)
                is_ours = PurePosixPath(info.path).name.startswith(f"{_PREFIX}{run}-")
                if is_ours or (is_aside and info.mtime and time.time() - info.mtime.timestamp() > _ABANDONED):
                    self.system.delete_file(info.path)
        except OSError:  # another run has removed it, or nobody may: it does no harm
            return

    def _created(self, path: str, parent: str) -> Any:
        try:
            return self.system.open_output_stream(path)
        except FileNotFoundError:
            # Only where it is needed: in object stores there are no folders to be made.
            self.system.create_dir(parent, recursive=True)
            return self.system.open_output_stream(path)


def one_line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
