"""GIF: its XMP, which Pillow neither reads nor writes; comments it does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from udsd.images.insertion import insert

_HEAD = b"\x21\xff\x0bXMP DataXMP"
_TRAIL = b"\1" + bytes(range(255, -1, -1)) + b"\0"
"""Bytes of XMP are read as lengths of blocks by those who do not know it; from any of these they come to the end."""
_PART = 2**20
_MOST_BYTES = 2**28
"""That are looked through: what is behind the end of an image may be a hole of any length."""


def found_xmp(file: BinaryIO) -> bytes | None:
    """The XMP of a GIF, None for none. The file is left where it stands."""
    position = file.tell()
    try:
        start = _find(file, _HEAD, 0)
        stop = -1 if start < 0 else _find(file, _TRAIL, start)
        if stop < 0:
            return None
        file.seek(start + len(_HEAD))
        return file.read(stop - start - len(_HEAD))
    finally:
        file.seek(position)


def _find(file: BinaryIO, wanted: bytes, start: int) -> int:
    """Where bytes are in a file, -1 where they are not."""
    file.seek(start)
    before = b""
    while start < _MOST_BYTES and (part := file.read(_PART)):
        at = (before + part).find(wanted)
        if at >= 0:
            return start - len(before) + at
        before = (before + part)[-len(wanted) + 1 :]
        start = file.tell()
    return -1


def add_xmp(path: Path, xmp: bytes) -> None:
    """Put XMP into a finished GIF, which becomes one of the version that has such things.

    Raises:
        OSError: The file cannot be changed.
    """
    with path.open("r+b") as file:
        insert(file, file.seek(0, os.SEEK_END) - 1, _HEAD + xmp + _TRAIL)
        file.seek(0)
        file.write(b"GIF89a")
