"""What a JPEG asks of its decoder, looked at before it is decoded."""

from __future__ import annotations

import re
from typing import BinaryIO

from udsd.errors import ImageError
from udsd.images.limits import check_decoded, most_scans

_START = b"\xff\xd8\xff"
_SCAN_MARKER = 0xDA
_SCAN = re.compile(rb"\xff\xda\0[\x06\x08\x0a\x0c][\x01-\x04]")
"""How a scan begins: its marker, its length, the number of its components."""
_SCAN_BYTES = 5
_PART = 2**20

_MOST_SEGMENTS = 4096
_MOST_BYTES = 2**25
"""Before the first scan; ICC profiles have at most 16 MB, other segments a few hundred KB."""


def check_header(file: BinaryIO) -> None:
    """Refuse a JPEG that says more beside its picture than any does; other files pass.

    Pillow takes quadratic time over EXIF in many segments, and linear time but slowly over tiny ones and fill bytes.

    Raises:
        ImageError: There are too many segments before the first scan, or they are too long.
    """
    file.seek(0)
    if file.read(len(_START)) != _START:
        return
    file.seek(2)
    for _ in range(_MOST_SEGMENTS):
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] == _SCAN_MARKER:
            return  # Pillow says what is wrong with it, if anything is
        if marker[1] == 0xFF:
            file.seek(-1, 1)
        else:
            file.seek(max(int.from_bytes(file.read(2)) - 2, 0), 1)
        if file.tell() > _MOST_BYTES:
            break
    raise ImageError(
        f"has more than {_MOST_SEGMENTS} segments, or {_MOST_BYTES} bytes, before its picture; save it anew without "
        "what is said beside it"
    )


def check_scans(file: BinaryIO, pixels: int) -> None:
    """Refuse a JPEG of thousands of scans, each of a few bytes, for all of which every pixel is decoded.

    Args:
        file: The file, which is left where it stands.
        pixels: Those of the image.

    Raises:
        ImageError: All scans together have more pixels than may be decoded.
    """
    most = most_scans(pixels)
    if most is None:
        return
    position = file.tell()
    file.seek(0)
    scans, rest = 0, b""
    while scans <= most and (part := file.read(_PART)):
        scans += len(_SCAN.findall(rest + part))
        rest = part[-_SCAN_BYTES + 1 :]
    file.seek(position)
    check_decoded(scans * pixels, f"the first {scans} scans of the JPEG, decoded one after another,")
