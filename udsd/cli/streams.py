"""Standard output and standard error as they are found: missing, closed, full, or in a code page of few letters."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress


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


def give_up_output() -> None:
    """Send all further output nowhere. At exit Python would complain once more of what cannot be written."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
