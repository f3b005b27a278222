"""The temporary file for strips that memory has no room for."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from typing import cast

import torch
from torch import Tensor

from udsd.errors import MemoryLimitError
from udsd.inference.strips.slabs import FreeSpace


class SpillFile:
    """A file without a name, so that it vanishes with the process, however that ends. It is made at the first write.

    It is read and written, not mapped: mapped pages would count against limits that a system sets to a process.

    Attributes:
        written: Bytes that were written, all together.
    """

    def __init__(self) -> None:
        self.written = 0
        self._file: FileIO | None = None
        self._space = FreeSpace(sys.maxsize)

    def take(self, size: int) -> int:
        """Take ``size`` bytes of the file. Returns the first."""
        return cast("int", self._space.take(size))  # a file has no end

    def give_back(self, start: int, stop: int) -> None:
        """Make bytes free that were taken."""
        self._space.give_back(start, stop)

    def write(self, offset: int, values: memoryview) -> None:
        """Write bytes.

        Raises:
            MemoryLimitError: The disk is full.
        """
        with _full_disk_is_memory_limit():
            file = self._opened()
            file.seek(offset)
            if file.write(values) < len(values):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.written += len(values)

    def read(self, offset: int, size: int) -> Tensor:
        """Read bytes, as uint8 (size,) on the CPU."""
        values = torch.empty(size, dtype=torch.uint8)
        file = self._opened()
        file.seek(offset)
        if file.readinto(values.numpy().data) < size:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return values

    def close(self) -> None:
        """Delete the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> FileIO:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="udsd-", buffering=0)  # noqa: SIM115
        return self._file


@contextmanager
def _full_disk_is_memory_limit() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MemoryLimitError(
            f"the image does not fit into the memory limit, and {tempfile.gettempdir()} has no room for the rest "
            f"({error.strerror}); raise memory_limit, or point TMPDIR at a larger disk"
        ) from error
