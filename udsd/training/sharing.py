"""Memory that a process shares with those that are forked from it."""

from __future__ import annotations

import math
import mmap
import multiprocessing
import sys
import threading
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from udsd.errors import ConfigError, MemoryLimitError


def check_sharing() -> None:
    """Make sure that memory can be shared with forked processes here.

    Raises:
        ConfigError: The system has no fork, or one that its libraries do not stand.
    """
    if sys.platform != "linux":
        raise ConfigError("data.worker_processes is for Linux; set it to false, and threads draw the batches")


def make_array(shape: tuple[int, ...], dtype: DTypeLike, *, shared: bool) -> NDArray[Any]:
    """An array of zeros that takes memory only where it is written; of ``shared`` ones all forked processes see all.

    It is no file below ``/dev/shm``, which is small in containers.

    Raises:
        MemoryLimitError: The system does not give that much memory.
    """
    count = math.prod(shape)
    try:
        if not shared:
            return np.zeros(shape, dtype)
        memory = mmap.mmap(-1, max(1, count * np.dtype(dtype).itemsize))
    except (MemoryError, OSError) as error:
        gigabytes = count * np.dtype(dtype).itemsize / 2**30
        raise MemoryLimitError(
            f"the system does not give {gigabytes:.1f} GB of memory to be shared; set data.cache_gigabytes lower"
        ) from error
    return np.frombuffer(memory, dtype, count).reshape(shape)


def make_lock(*, shared: bool) -> AbstractContextManager[Any]:
    """A lock between threads or, if ``shared``, between forked processes as well."""
    return multiprocessing.get_context("fork").Lock() if shared else threading.Lock()
