"""The ``udsd-train`` command: train, prepare pages, export. As in `udsd.cli.main`, the rest is imported later."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from udsd.cli.environment import set_environment
from udsd.cli.interrupts import watch_interrupts

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: as of `udsd.cli.main.main`."""
    watch_interrupts(owns_process=arguments is None)
    set_environment()
    from udsd.cli.running import run_command
    from udsd.cli.train_parser import parse

    return run_command("udsd-train", lambda: parse(sys.argv[1:] if arguments is None else arguments))
