"""A TIFF file becomes a BigTIFF where it lies, so that it may grow beyond 4 GB.

Nobody can tell beforehand how long the compressed pages of a file will be, or how many there are.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from udsd.images.tiff_directories import TYPE_BYTES

_FIRST_DIRECTORY = 8
"""Where BigTIFF has the offset of its first directory. Where tifffile puts the first directory of a TIFF, too."""


def promote(path: Path) -> None:
    """Make a TIFF that tifffile wrote a BigTIFF of the same pages; their pixels stay where they are.

    New directories are put behind the last page. The old ones are left unused, but for the first: the longer header
    goes in its place.

    A file without pages yet will do, too.

    Raises:
        ValueError: The file does not begin with its first directory.
        OSError: It cannot be changed.
    """
    with path.open("r+b") as file:
        header = file.read(8)
        order = "<" if header[:2] == b"II" else ">"
        (offset,) = struct.unpack(f"{order}I", header[4:])
        if offset not in (0, _FIRST_DIRECTORY):
            raise ValueError("the TIFF does not begin with its first directory")
        pointer = _FIRST_DIRECTORY
        while offset:
            directory, offset = _wider(file, order, offset)
            place = file.seek(0, os.SEEK_END)
            padding = -place % 8
            file.write(bytes(padding) + directory + bytes(8))
            file.seek(pointer)
            file.write(struct.pack(f"{order}Q", place + padding))
            pointer = place + padding + len(directory)
        if pointer == _FIRST_DIRECTORY:
            file.write(bytes(8))  # no page yet
        file.seek(0)
        file.write(header[:2] + struct.pack(f"{order}HHH", 43, 8, 0))


def _wider(file: BinaryIO, order: str, offset: int) -> tuple[bytes, int]:
    """The directory at an offset, as BigTIFF has it but for the offset of the next; and that offset."""
    file.seek(offset)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    content = file.read(12 * count)
    (behind,) = struct.unpack(f"{order}I", file.read(4))
    directory = struct.pack(f"{order}Q", count)
    for tag, kind, number, value in struct.iter_unpack(f"{order}HHI4s", content):
        size = TYPE_BYTES[kind] * number
        if size > 4:
            (where,) = struct.unpack(f"{order}I", value)
            file.seek(where)
            value = file.read(size) if size <= 8 else struct.pack(f"{order}Q", where)
        directory += struct.pack(f"{order}HHQ", tag, kind, number) + value.ljust(8, b"\0")
    return directory, behind
