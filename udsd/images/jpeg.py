"""The scans of a JPEG, counted before it is decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from udsd.images.limits import check_decoded, most_scans

_MARKER = re.compile(rb"\xff[^\0\xd0-\xd7\xff]")
"""Not what stands for a byte of 255 in a scan, nor a restart within one."""
_SCAN, _END = 0xDA, 0xD9
_PART = 2**18


def check_scans(file: BinaryIO, pixel_count: int) -> None:
    """Refuse a JPEG of thousands of scans, each of a few bytes, for all of which every pixel is decoded.

    Args:
        file: The file, which is left where it stands.
        pixel_count: Pixels of the image.

    Raises:
        ImageError: All scans together have more pixels than may be decoded.
    """
    most = most_scans(pixel_count)
    if most is None:
        return
    position = file.tell()
    scans = 0
    for marker in _markers(file):
        scans += marker == _SCAN
        if scans > most:
            break
    file.seek(position)
    check_decoded(scans * pixel_count, f"the first {scans} scans of the JPEG, decoded one after another,")


def _markers(file: BinaryIO) -> Iterator[int]:
    """The markers of a JPEG up to its end, without those inside of what they begin."""
    at, start, part = 2, 0, b""
    while True:
        found = _MARKER.search(part, at - start)
        if found is not None and found.end() + 2 <= len(part):
            marker = part[found.end() - 1]
            yield marker
            if marker == _END:
                return
            length = int.from_bytes(part[found.end() : found.end() + 2])
            at = start + found.end() + length
            if at < start + len(part):
                continue
        else:
            # What begins at the end of this part is found in the next.
            at = start + found.start() if found is not None else max(at, start + len(part) - 1)
        file.seek(at)
        start, part = at, file.read(_PART)
        if len(part) < 4:
            return
