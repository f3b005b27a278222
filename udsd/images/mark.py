"""A mark in a file that says that it is a result of ours, so that a folder of both is not restored twice.

It lies where the format has room for what programs add, in a place of its own: no pixel changes, nor anything that a
camera, an editor or a user wrote. Programs that do not know it pass over it.

A mark is bytes that are put in at one place of a finished file, most often near its end, where they are found again by
looking at that place alone.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Container
from pathlib import Path
from typing import BinaryIO

from udsd.images.insertion import insert

_TEXT = b"udsd restored\0"

# Ancillary, private, safe to copy, as the case of the letters says.
_PNG = struct.pack(">I", len(_TEXT)) + b"udSd" + _TEXT + struct.pack(">I", zlib.crc32(b"udSd" + _TEXT))
_PNG_END = 12  # IEND
_GIF = b"\x21\xff\x0budsd    1.0" + bytes([len(_TEXT)]) + _TEXT + b"\0"
_RIFF = b"udsd" + struct.pack("<I", len(_TEXT)) + _TEXT
_BOX = struct.pack(">I", 24 + len(_TEXT)) + b"uuid" + b"udsd restored   " + _TEXT
_JPEG = b"\xff\xef" + struct.pack(">H", 2 + len(_TEXT)) + _TEXT  # APP15
_JPEG_APPS = range(0xE0, 0xF0)
_CODESTREAM = b"\xff\x64" + struct.pack(">HH", 4 + len(_TEXT), 1) + _TEXT  # a comment of JPEG 2000
_CODESTREAM_HEADER = range(0x50, 0x90)
_BMP = _TEXT.ljust(16, b"\0")
_PPM = b"# udsd restored\n"
_PDF = b"%udsd restored\n"
_EBML = b"\xec" + bytes([0x80 | len(_TEXT)]) + _TEXT  # a Void element of Matroska, which readers pass over
_TIFF_TAG = 65000
"""Of those that anybody may use."""


def mark_file(path: Path) -> None:
    """Mark a finished image file, PDF or clip. What has no place for a mark stays as it is.

    Raises:
        OSError: The file cannot be written.
    """
    with path.open("r+b") as file:
        head = _head(file)
        if head[:4] in _TIFF_HEADERS:
            _mark_tiff(file, head)
            return
        placed = _place(file, head)
        if placed is None:
            return
        offset, mark = placed
        insert(file, offset, mark)
        if mark is _RIFF:
            length = struct.pack("<I", _end(file) - 8)
            file.seek(4)
            file.write(length)
        if mark is _BMP:
            size, start = (int.from_bytes(head[at : at + 4], "little") for at in (2, 10))
            file.seek(2)
            file.write(struct.pack("<I", size + len(mark)))
            file.seek(10)
            file.write(struct.pack("<I", start + len(mark)))


def is_marked(path: Path) -> bool:
    """Whether a file bears the mark. A few bytes of it are read, and nothing is raised: what is damaged bears none."""
    try:
        if not path.is_file():  # a pipe could keep us waiting
            return False
        with path.open("rb") as file:
            head = _head(file)
            if head[:4] in _TIFF_HEADERS:
                return _is_tiff_marked(file, head)
            placed = _place(file, head)
            if placed is None:
                return False
            offset, mark = placed
            file.seek(max(0, offset - len(mark)))
            return mark in file.read(2 * len(mark))
    except (OSError, ValueError, struct.error, IndexError):
        return False


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(32)


def _place(file: BinaryIO, head: bytes) -> tuple[int, bytes] | None:
    """Where a mark is put in, and which. Found again, it lies right before that place, or right behind it."""
    return next((place(file, head) for signature, place in _PLACES if signature(head)), None)


def _end(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _jpeg_place(file: BinaryIO, head: bytes) -> tuple[int, bytes]:
    """Behind what other programs have written, of which some must come first."""
    return _after_segments(file, _JPEG_APPS), _JPEG


def _codestream_place(file: BinaryIO, head: bytes) -> tuple[int, bytes]:
    """Behind the comments that are there, of which some programs read the first only."""
    return _after_segments(file, _CODESTREAM_HEADER), _CODESTREAM


def _after_segments(file: BinaryIO, kinds: Container[int]) -> int:
    """Where the first segment of another kind begins; one of ours is none of these."""
    offset = 2
    while True:
        file.seek(offset)
        start = file.read(4 + len(_TEXT) + 2)
        if len(start) < 4 or start[0] != 0xFF or start[1] not in kinds or _TEXT in start:
            return offset
        offset += 2 + int.from_bytes(start[2:4])


_PLACES: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, bytes], tuple[int, bytes]]], ...] = (
    (lambda head: head[:8] == b"\x89PNG\r\n\x1a\n", lambda file, head: (_end(file) - _PNG_END, _PNG)),
    (lambda head: head[:2] == b"\xff\xd8", _jpeg_place),
    (lambda head: head[:4] == b"GIF8", lambda file, head: (_end(file) - 1, _GIF)),
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", lambda file, head: (_end(file), _RIFF)),
    (lambda head: head[4:8] in (b"ftyp", b"jP  "), lambda file, head: (_end(file), _BOX)),
    (lambda head: head[:4] == b"\xff\x4f\xff\x51", _codestream_place),
    (lambda head: head[:2] == b"BM", lambda file, head: (int.from_bytes(head[10:14], "little"), _BMP)),
    (lambda head: head[:5] == b"%PDF-", lambda file, head: (_end(file), _PDF)),
    (lambda head: head[:4] == b"\x1a\x45\xdf\xa3", lambda file, head: (_end(file), _EBML)),
    (lambda head: head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3] == b"\n", lambda file, head: (3, _PPM)),
)


_TIFF_HEADERS = {b"II*\0": "<HHII", b"MM\0*": ">HHII", b"II+\0": "<QHQQ", b"MM\0+": ">QHQQ"}
"""Formats of a directory's count of tags, of a tag's number and type, of its count, and of an offset."""


def _tiff_tags(file: BinaryIO, head: bytes) -> tuple[str, int, list[bytes], bytes]:
    """Format of a tag, where the header says where the first directory is, its tags, and where the next one is."""
    layout = _TIFF_HEADERS[head[:4]]
    order, count, offset = layout[0], layout[1], layout[4]
    place = 8 if offset == "Q" else 4
    tag = f"{order}HH{layout[3]}{offset}"
    (first,) = struct.unpack_from(order + offset, head, place)
    file.seek(first)
    (number,) = struct.unpack(order + count, file.read(struct.calcsize(order + count)))
    if number > 2**16:
        raise ValueError("no directory")
    tags = [file.read(struct.calcsize(tag)) for _ in range(number)]
    return tag, place, tags, file.read(struct.calcsize(order + offset))


def _mark_tiff(file: BinaryIO, head: bytes) -> None:
    """Write the first directory once more, with one tag more, at the end."""
    tag, place, tags, following = _tiff_tags(file, head)
    order, offset = tag[0], tag[-1]
    end = _end(file)
    text_at = end + end % 2
    directory_at = text_at + len(_TEXT)
    if offset == "I" and directory_at > 2**32 - 2**20:
        return
    tags = sorted(
        [*tags, struct.pack(tag, _TIFF_TAG, 2, len(_TEXT), text_at)],
        key=lambda entry: struct.unpack_from(order + "H", entry)[0],
    )
    file.write(bytes(end % 2) + _TEXT)
    file.write(struct.pack(order + _TIFF_HEADERS[head[:4]][1], len(tags)) + b"".join(tags) + following)
    file.seek(place)
    file.write(struct.pack(order + offset, directory_at))


def _is_tiff_marked(file: BinaryIO, head: bytes) -> bool:
    tag, _, tags, _ = _tiff_tags(file, head)
    for entry in tags:
        number, kind, count, offset = struct.unpack(tag, entry)
        if (number, kind, count) == (_TIFF_TAG, 2, len(_TEXT)):
            file.seek(offset)
            return file.read(count) == _TEXT
    return False
