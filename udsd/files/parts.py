"""Finished parts of a result that is not finished yet, kept beside it, so that a killed run is continued."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from filelock import FileLock, Timeout

from udsd import __version__
from udsd.atomic import remove_unfinished, whole_file
from udsd.errors import ImageError

logger = logging.getLogger(__name__)

PartT = TypeVar("PartT")

Key: TypeAlias = tuple[int, int]
"""Two numbers by which a part is known, both at least 0."""

_LOCK, _RUN = "lock", "run"
_HASHED = 2**20


@dataclass(frozen=True, slots=True)
class Packing(Generic[PartT]):
    """How a part becomes a file.

    Attributes:
        pack: The bytes of a part.
        unpack: The part of these bytes. It raises `ValueError`, `KeyError` or `TypeError` where they are cut off.
    """

    pack: Callable[[PartT], bytes]
    unpack: Callable[[bytes], PartT]


class Parts(Generic[PartT]):
    """A hidden folder with one file for each finished part.

    Args:
        folder: The folder.
        packing: How parts become files.

    Attributes:
        finished: Keys of the parts that are there.
    """

    def __init__(self, folder: Path, packing: Packing[PartT]) -> None:
        self._folder = folder
        self._packing = packing
        self.finished = {key for path in folder.glob("*.part") if (key := _key(path)) and self._load(key) is not None}

    def add(self, key: Key, part: PartT) -> None:
        """Keep a finished part.

        Raises:
            OSError: It cannot be written.
        """
        with whole_file(self._path(key)) as unfinished:
            unfinished.write_bytes(self._packing.pack(part))
        self.finished.add(key)

    def get(self, key: Key) -> PartT | None:
        """A finished part; None if it is not there."""
        loaded = self._load(key)
        return None if loaded is None else loaded[0]

    def clear(self) -> None:
        """Keep nothing: there is nothing to go on with."""
        for key in self.finished:
            self._path(key).unlink(missing_ok=True)
        self.finished.clear()

    def _load(self, key: Key) -> tuple[PartT] | None:
        try:
            return (self._packing.unpack(self._path(key).read_bytes()),)
        except (OSError, ValueError, KeyError, TypeError):
            return None  # cut off by a full disk, say

    def _path(self, key: Key) -> Path:
        return self._folder / f"{key[0]}-{key[1]}.part"


@contextmanager
def parts_of(target: Path, source: Path, recipe: str, packing: Packing[PartT]) -> Iterator[Parts[PartT]]:
    """What earlier runs have finished of a result; it is removed if the block ends without an error.

    Args:
        target: The result.
        source: What it is made of.
        recipe: How; parts of another recipe, or of another content of the source, are removed.
        packing: How parts become files.

    Raises:
        ImageError: Another process is at work on the result.
        OSError: The folder cannot be made, or the source not be read.
    """
    name = hashlib.sha256(target.name.encode(errors="surrogateescape")).hexdigest()[:16]
    folder = target.parent / f".udsd-parts-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ImageError(f"{target}: is being written by another process; wait for its end") from error
    # File systems without locks.
    except (OSError, NotImplementedError) as error:
        logger.debug("%s cannot be locked (%s)", folder, error)
    try:
        _begin(folder, _identity(source, recipe))
        yield Parts(folder, packing)
    except BaseException:
        lock.release()
        with suppress(OSError):
            if not any(folder.glob("*.part")):
                shutil.rmtree(folder)
        raise
    lock.release()
    shutil.rmtree(folder, ignore_errors=True)


def _begin(folder: Path, identity: str) -> None:
    """Remove what belongs to other runs."""
    remove_unfinished(folder)
    run = folder / _RUN
    with suppress(OSError):
        if run.read_text(encoding="ascii") == identity:
            return
    for path in folder.glob("*.part"):
        path.unlink()
    with whole_file(run) as unfinished:
        unfinished.write_text(identity, encoding="ascii")


def _identity(source: Path, recipe: str) -> str:
    digest = hashlib.sha256(f"{__version__}\0{recipe}\0".encode())
    with source.open("rb") as file:
        while part := file.read(_HASHED):
            digest.update(part)
    return digest.hexdigest()


def _key(path: Path) -> Key | None:
    number, _, second = path.stem.partition("-")
    return (int(number), int(second)) if number.isdecimal() and second.isdecimal() else None
