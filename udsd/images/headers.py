"""What a file says before and beside its pixels, looked at before Pillow reads it.

Pillow reads that in Python, a piece at a time, and keeps it: a few megabytes of the smallest pieces, or a hole in the
file that is said to be a comment, take it minutes or gigabytes. What is merely wrong passes here; Pillow says what.
"""

from __future__ import annotations

import os
import re
from typing import BinaryIO

from udsd.errors import ImageError
from udsd.images.codecs import check_codec
from udsd.images.limits import check_pages, check_read_whole, page_limit

_MOST_PIECES = 2**17
"""Chunks of a PNG; writers put 8 KB or more into each."""
_MOST_SEGMENTS = 2**12
"""Segments of a JPEG before its first scan."""
_MOST_BYTES = 2**25
"""Beside the pixels; ICC profiles in JPEG have at most 16 MB, other things a few hundred KB."""
_PPM_HEADER_BYTES = 2**16

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PIXEL_BYTES = 8
"""RGBA of 16 bits."""
_SLACK = 2**16
"""Bytes by which compressed pixels may exceed twice their size, and bytes of a GIF that are no block's."""
_SCAN_MARKER = 0xDA
_PPM_SIZE = re.compile(rb"P[1-6](?:(?:\s|#[^\r\n]*[\r\n])+\d+){2}")


def check_header(file: BinaryIO) -> None:
    """Refuse a file that says more beside its pixels than any does, or whose codec is missing.

    The file is left anywhere.

    Raises:
        ImageError: It has too many pieces, or they are too long; or what reads it is not installed.
    """
    file.seek(0)
    start = file.read(len(_PNG))
    if start == _PNG:
        _check_png(file)
    elif start.startswith(b"\xff\xd8\xff"):
        _check_jpeg(file)
    elif start.startswith(b"GIF8"):
        _check_gif(file)
    elif re.match(rb"P[1-6]\s", start):
        _check_ppm(file)
    elif start.startswith(b"RIFF") or start[4:] == b"ftyp":
        check_read_whole(file.seek(0, os.SEEK_END))
        if start[4:] == b"ftyp":
            check_codec(file)


def _check_png(file: BinaryIO) -> None:
    header = file.read(16)
    width, height = int.from_bytes(header[8:12]), int.from_bytes(header[12:])
    pixels = _SLACK + 2 * _PNG_PIXEL_BYTES * (width + 1) * height
    beside = 0
    file.seek(len(_PNG))
    for _ in range(_MOST_PIECES):
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        length = int.from_bytes(head[:4])
        if head[4:] == b"IDAT":
            pixels -= length
        elif head[4:] != b"fdAT":
            beside += length
        if beside > _MOST_BYTES or pixels < 0:
            break
        file.seek(length + 4, os.SEEK_CUR)
    if pixels < 0:
        raise ImageError(f"its compressed pixels are longer than {width}x{height} pixels can be; get the file again")
    raise _too_much(f"more than {_MOST_PIECES} chunks")


def _check_jpeg(file: BinaryIO) -> None:
    file.seek(2)
    for _ in range(_MOST_SEGMENTS):
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] == _SCAN_MARKER:
            return
        if marker[1] == 0xFF:
            file.seek(-1, os.SEEK_CUR)  # may fill the space between segments
        else:
            file.seek(max(int.from_bytes(file.read(2)) - 2, 0), os.SEEK_CUR)
        if file.tell() > _MOST_BYTES:
            break
    raise _too_much(f"more than {_MOST_SEGMENTS} segments")


def _check_gif(file: BinaryIO) -> None:
    """Count the frames, for which Pillow takes a hundred times as long."""
    file.seek(10)
    _skip_palette(file)
    file.seek(2, os.SEEK_CUR)
    frames, blocks, rubbish = 0, 0, 0
    while (kind := file.read(1)) not in (b"", b";"):
        if kind not in (b"!", b","):
            rubbish += 1
            if rubbish > _SLACK:
                raise _too_much(f"more than {_SLACK} bytes between its blocks")
            continue  # as Pillow does, a byte at a time
        if kind == b",":
            frames += 1
            check_pages(frames)
            file.seek(8, os.SEEK_CUR)
            _skip_palette(file)
        else:
            blocks += 1
        if blocks > _MOST_PIECES + 2 * page_limit():
            raise _too_much(f"more than {_MOST_PIECES} extensions")
        file.seek(1, os.SEEK_CUR)
        while length := int.from_bytes(file.read(1)):
            file.seek(length, os.SEEK_CUR)


def _skip_palette(file: BinaryIO) -> None:
    """Go over the byte that tells of a palette, and over the palette."""
    flags = int.from_bytes(file.read(1))
    file.seek(3 * 2 ** (1 + flags % 8) if flags & 0x80 else 0, os.SEEK_CUR)


def _check_ppm(file: BinaryIO) -> None:
    file.seek(0)
    start = file.read(_PPM_HEADER_BYTES)
    if len(start) == _PPM_HEADER_BYTES and not _PPM_SIZE.match(start):
        raise ImageError(f"has no size in its first {_PPM_HEADER_BYTES} bytes; save it anew without its comments")


def _too_much(what: str) -> ImageError:
    return ImageError(f"has {what}, or {_MOST_BYTES} bytes beside its pixels; save it anew without these")
