from __future__ import annotations

import errno

import cv2
import numpy as np
import pytest
import torch

from udsd.errors import ImageError, MemoryLimitError
from udsd.out_of_memory import is_out_of_memory, memory_errors

HUGE = 2**56


def raised(action: object) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        action()  # type: ignore[operator]
    return caught.value


def test_what_libraries_raise_when_memory_runs_out() -> None:
    assert is_out_of_memory(raised(lambda: torch.empty(HUGE)))
    assert is_out_of_memory(raised(lambda: np.empty(HUGE)))
    assert is_out_of_memory(raised(lambda: bytearray(HUGE)))
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert is_out_of_memory(cv2.error("OpenCV(4.12) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate"))
    assert is_out_of_memory(RuntimeError("could not create a primitive"))  # oneDNN
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    error, cause = ImageError("cannot be read"), ValueError()
    error.__cause__, cause.__cause__ = cause, error
    assert not is_out_of_memory(error)
    cause.__cause__ = MemoryError()
    assert is_out_of_memory(error)


def test_errors_that_are_raised_from_each_other_are_looked_at_once() -> None:
    """As happens where an error travels in another one, and is raised again from that."""
    carried, carrier = ImageError("damaged"), RuntimeError("carries it")
    carried.__cause__, carrier.__cause__ = carrier, carried
    assert not is_out_of_memory(carried)
    assert is_out_of_memory(raised_from(MemoryError(), carried))


def raised_from(cause: BaseException, error: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [ValueError("broken"), OSError(errno.ENOSPC, "No space"), ImageError("out of memory.png: damaged"), KeyError("x")],
)
def test_what_is_something_else(error: Exception) -> None:
    assert not is_out_of_memory(error)
    with pytest.raises(type(error)) as caught, memory_errors("x"):
        raise error
    assert caught.value is error


def test_it_becomes_one_error() -> None:
    with pytest.raises(MemoryLimitError, match="decoding needs more memory than there is"), memory_errors("decoding"):
        torch.empty(HUGE)
