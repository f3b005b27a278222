"""Parts of a file as if they were a file: what others read of it."""

from __future__ import annotations

import bisect
import io
import os
from typing import Any, BinaryIO


def file_of_parts(file: BinaryIO, segments: list[tuple[int, int]]) -> BinaryIO:
    """A file of some parts of another, which stays open.

    Args:
        file: The file.
        segments: Begin and end of each part.
    """
    return io.BufferedReader(_Parts(file, segments))


class _Parts(io.RawIOBase):
    def __init__(self, file: BinaryIO, segments: list[tuple[int, int]]) -> None:
        self._file = file
        self._segments = segments
        self._starts = [0]
        for begin, end in segments:
            self._starts.append(self._starts[-1] + end - begin)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        index = bisect.bisect_right(self._starts, self._at) - 1
        if index >= len(self._segments):
            return 0
        begin, end = self._segments[index]
        inside = self._at - self._starts[index]
        self._file.seek(begin + inside)
        content = self._file.read(min(len(buffer), end - begin - inside))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)
