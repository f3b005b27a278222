"""Telling that memory ran out: nearly every library has an error of its own for it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from udsd.errors import MemoryLimitError, UdsdError

_WORDS = (
    "out of memory",  # CUDA
    "can't allocate memory",  # PyTorch on Linux and macOS
    "not enough memory",  # PyTorch on Windows
    "insufficient memory",  # OpenCV
    "cannot allocate memory",  # the system
    "failed to allocate",
    "could not create a primitive",  # oneDNN, which says no more
    "could not execute a primitive",
    "could not create a memory",
    "failed to map segment",  # a library that is imported late
    "can't start new thread",
    "std::bad_alloc",
    "bad allocation",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that it was raised from, says that memory ran out: on a CPU or a GPU, in any layer."""
    seen: set[int] = set()
    cause: BaseException | None = error
    # Errors that are raised once more, from what carried them, make a circle.
    while cause is not None and id(cause) not in seen:
        if _says_out_of_memory(cause):
            return True
        seen.add(id(cause))
        cause = cause.__cause__
    return False


def _says_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    # PyTorch's, OpenVINO's and OpenCV's are plain errors, which only their words tell from others. Words of our own and
    # of the system hold file names, which may say anything.
    return not isinstance(error, UdsdError | OSError) and any(word in str(error).lower() for word in _WORDS)


@contextmanager
def memory_errors(what: str) -> Iterator[None]:
    """Turn whatever says that memory ran out into a `MemoryLimitError` that names what needed it."""
    try:
        yield
    except MemoryLimitError:
        raise
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryLimitError(f"{what} needs more memory than there is; free some, or give a smaller image") from error
