"""The ``udsd`` command. What watches for Ctrl-C and sets the environment is imported here, the rest after that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from udsd.cli.environment import set_environment
from udsd.cli.interrupts import watch_interrupts

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0: all is done. 1: some files of a run could not be restored, or the output not be printed. 2: nothing could be
    done; one line on standard error says why. 130: interrupted. 141: nobody reads the output any more.
    """
    watch_interrupts(owns_process=arguments is None)
    set_environment()
    from udsd.cli.parser import make_parser
    from udsd.cli.running import run_command

    return run_command("udsd", lambda: make_parser().parse_args(arguments), owns_process=arguments is None)
