"""The one place where the commands print."""

from __future__ import annotations

import sys


def print_line(line: str) -> None:
    """Print a result."""
    print(line)  # noqa: T201


def print_error(message: object) -> None:
    """Print one line of what went wrong on standard error."""
    print(f"udsd: {message}", file=sys.stderr)  # noqa: T201
