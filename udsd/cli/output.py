"""What the commands print."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from udsd.cli.streams import give_up_output
from udsd.shown import escaped, shown

_RED, _PLAIN = "\x1b[31m", "\x1b[0m"

_failures: list[OSError] = []
"""Why standard output was given up; empty while it works."""


_names: dict[str, str] = {}
"""Names of temporary files by which nobody knows them, and what stands in their place."""


def begin_output() -> None:
    """Take standard output to be sound."""
    _failures.clear()
    _names.clear()


def call_path(path: Path, name: str) -> None:
    """From now on say a name where a message has the path of a temporary file."""
    _names[str(path)] = name


def _named(message: object) -> str:
    text = str(message)
    for path, name in _names.items():
        text = text.replace(path, name)
    return text


def print_note(message: object) -> None:
    """Print one line that is no error on standard error."""
    with suppress(OSError):
        print(shown(_named(message)), file=sys.stderr, flush=True)  # noqa: T201


def print_line(line: str) -> None:
    """Print a result in one line, at once; what could steer a terminal is escaped (`udsd.shown`).

    Errors are as of `print_text`.
    """
    print_text(escaped(_named(line)))


def print_text(text: str) -> None:
    """Print text of our own as it is, at once.

    Where standard output is full the work goes on, and `output_is_lost` tells.

    Raises:
        BrokenPipeError: Nobody reads it any more.
    """
    if _failures:
        return
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        raise
    except OSError as error:
        _failures.append(error)
        give_up_output()
        print_error(f"standard output cannot be written ({error.strerror}); the work goes on without it")


def output_is_lost() -> bool:
    """Whether something could not be printed."""
    return bool(_failures)


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of cells with their columns aligned."""
    rows = [[shown(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def megabytes(size: int) -> str:
    """A number of bytes in megabytes, as tables show it."""
    return f"{size / 1e6:.1f}"


def print_error(message: object, *, command: str = "udsd") -> None:
    """Print one line of what went wrong on standard error, after the command's name."""
    with suppress(OSError):  # there is nowhere else to say it
        name = f"{_RED}{command}:{_PLAIN}" if _takes_colour() else f"{command}:"
        print(f"{name} {shown(_named(message))}", file=sys.stderr, flush=True)  # noqa: T201


def _takes_colour() -> bool:
    """Whether standard error is a terminal that shows colours, and nobody asked for none (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty():
        return False
    # The old console of Windows shows the codes themselves.
    return os.name != "nt" or "WT_SESSION" in os.environ


def show_log(level: int) -> None:
    """Show what is logged on standard error, each message in one line that steers no terminal.

    It holds for the loggers of other libraries too, of which huggingface_hub has a handler of its own and repeats what
    a server says.
    """
    logging.basicConfig(format="%(message)s", level=level)
    logging.setLogRecordFactory(_ShownRecord)


class _ShownRecord(logging.LogRecord):
    def getMessage(self) -> str:  # noqa: N802
        return shown(_named(super().getMessage()))
