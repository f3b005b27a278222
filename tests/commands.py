"""Running the ``udsd`` command in this process."""

from __future__ import annotations

from udsd.cli import main


def run(*arguments: object) -> int:
    """The exit status of the command with these arguments."""
    return main([str(argument) for argument in arguments])
