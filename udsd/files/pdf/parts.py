"""Finished images of a PDF that is not finished yet, kept beside it, so that a killed run is continued."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from udsd import __version__
from udsd.atomic import remove_unfinished, whole_file
from udsd.errors import ImageError
from udsd.files.pdf.encoding import Encoded
from udsd.files.pdf.finding import Key

logger = logging.getLogger(__name__)

_LOCK, _RUN = "lock", "run"
_HASHED = 2**20


class Parts:
    """A hidden folder with one file for each finished image.

    Args:
        folder: The folder.

    Attributes:
        finished: Keys of the images that are there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.finished = {key for path in folder.glob("*.part") if (key := _key(path)) and self._load(key) is not None}

    def add(self, key: Key, encoded: Encoded | None) -> None:
        """Keep a finished image, or that it stays as it is.

        Raises:
            OSError: It cannot be written.
        """
        with whole_file(self._path(key)) as unfinished:
            unfinished.write_bytes(_packed(encoded))
        self.finished.add(key)

    def get(self, key: Key) -> Encoded | None:
        """A finished image; None if it stays as it is, or is not there."""
        loaded = self._load(key)
        return None if loaded is None else loaded[0]

    def _load(self, key: Key) -> tuple[Encoded | None] | None:
        try:
            return (_unpacked(self._path(key).read_bytes()),)
        except (OSError, ValueError, KeyError, TypeError):
            return None  # cut off by a full disk, say

    def _path(self, key: Key) -> Path:
        return self._folder / f"{key[0]}-{key[1]}.part"


@contextmanager
def parts_of(target: Path, source: Path, recipe: str) -> Iterator[Parts]:
    """What earlier runs have finished of a result; it is removed if the block ends without an error.

    Args:
        target: The result.
        source: What it is made of.
        recipe: How; parts of another recipe, or of another content of the source, are removed.

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
        yield Parts(folder)
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
    number, _, generation = path.stem.partition("-")
    return (int(number), int(generation)) if number.isdecimal() and generation.isdecimal() else None


def _packed(encoded: Encoded | None) -> bytes:
    """A line of JSON, and the data behind it."""
    if encoded is None:
        return json.dumps({"kept": True}).encode() + b"\n"
    palette = encoded.palette
    head = {
        "filter": encoded.filter,
        "parameters": encoded.parameters,
        "bits": encoded.bits,
        "palette": None if palette is None else palette.tolist(),
        "length": len(encoded.data),
        "check": zlib.crc32(encoded.data),
    }
    return json.dumps(head).encode() + b"\n" + encoded.data


def _unpacked(content: bytes) -> Encoded | None:
    line, _, data = content.partition(b"\n")
    head = json.loads(line)
    if head.get("kept"):
        return None
    if (head["length"], head["check"]) != (len(data), zlib.crc32(data)):
        raise ValueError("cut off")
    palette = None if head["palette"] is None else np.asarray(head["palette"], np.uint8)
    return Encoded(data, head["filter"], head["parameters"], head["bits"], palette)
