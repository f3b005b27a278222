"""What the commands print, and the reports they write."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from udsd.atomic import whole_file
from udsd.errors import ConfigError


def print_line(line: str) -> None:
    """Print a result."""
    print(line)  # noqa: T201


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of cells with their columns aligned."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_error(message: object, *, command: str = "udsd") -> None:
    """Print one line of what went wrong on standard error, after the command's name."""
    print(f"{command}: {message}", file=sys.stderr)  # noqa: T201


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
