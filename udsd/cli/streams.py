"""Standard output and standard error as they are found: missing, closed, full, or in a code page of few letters."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

_STANDARD_ERROR = 2


class _Nowhere(io.TextIOBase):
    """A stream that takes everything and keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


def prepare_streams() -> None:
    """Make sure that whatever is printed neither fails nor lands in another file."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # Else the next file that is opened gets the number, and with it what libraries print.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # no console, or it was closed
            setattr(sys, name, _Nowhere())
        elif isinstance(stream, io.TextIOWrapper):
            # File names hold letters that the terminal's code page lacks.
            stream.reconfigure(errors="backslashreplace")


def silence_libraries() -> int:
    """Send what libraries in C print on standard error nowhere; what Python prints there goes on as before.

    libtiff and OpenCV complain of a damaged file in lines of their own, beside the one that we say. Only the process of
    a command may do that: it holds for all that the process prints.

    Returns:
        The descriptor that leads to standard error from now on.
    """
    stream = sys.stderr
    try:
        is_standard = isinstance(stream, io.TextIOWrapper) and stream.fileno() == _STANDARD_ERROR
    except (OSError, ValueError):
        is_standard = False
    if not is_standard:
        return _STANDARD_ERROR
    stream.flush()
    kept = os.dup(_STANDARD_ERROR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STANDARD_ERROR)
    os.close(nowhere)
    # Without a buffer: what cannot be written must not be left for the end, where Python would complain of it.
    raw = io.FileIO(kept, "w", closefd=False)
    sys.stderr = io.TextIOWrapper(raw, encoding=stream.encoding, errors="backslashreplace", write_through=True)
    return kept


def give_up_output() -> None:
    """Send all further output nowhere. At exit Python would complain once more of what cannot be written."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
