"""Bytes that are put into a finished file."""

from __future__ import annotations

import os
from typing import BinaryIO

_COPIED = 2**20
"""Bytes that are moved at a time."""


def insert(file: BinaryIO, offset: int, content: bytes) -> None:
    """Put bytes in, and move what lies behind them, from the last to the first."""
    stop = file.seek(0, os.SEEK_END)
    while stop > offset:
        start = max(offset, stop - _COPIED)
        file.seek(start)
        part = file.read(stop - start)
        file.seek(start + len(content))
        file.write(part)
        stop = start
    file.seek(offset)
    file.write(content)
