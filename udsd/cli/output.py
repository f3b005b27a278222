"""What the commands print, and the reports they write."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from udsd.atomic import whole_file
from udsd.errors import ConfigError
from udsd.shown import escaped, shown


def print_line(line: str) -> None:
    """Print a result in one line; what could steer a terminal is escaped (`udsd.shown`)."""
    print(escaped(line))  # noqa: T201


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of cells with their columns aligned."""
    rows = [[shown(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_error(message: object, *, command: str = "udsd") -> None:
    """Print one line of what went wrong on standard error, after the command's name."""
    print(f"{command}: {shown(message)}", file=sys.stderr)  # noqa: T201


def show_log(level: int) -> None:
    """Show what is logged on standard error, each message in one line that steers no terminal.

    It holds for the loggers of other libraries too, of which huggingface_hub has a handler of its own and repeats what
    a server says.
    """
    logging.basicConfig(format="%(message)s", level=level)
    logging.setLogRecordFactory(_ShownRecord)


class _ShownRecord(logging.LogRecord):
    def getMessage(self) -> str:  # noqa: N802
        return shown(super().getMessage())


def write_report(text: str, path: Path) -> None:
    """Write a report, whole or not at all.

    Raises:
        ConfigError: It cannot be written.
    """
    try:
        with whole_file(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write the report {path} ({error.strerror}); choose another place") from error
