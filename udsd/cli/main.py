"""The ``udsd`` command. Only what watches for Ctrl-C is imported here; the rest is, once that is set up."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from udsd.cli.interrupts import watch_interrupts

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0: all is done. 1: some files of a run could not be restored, or the output not be printed. 2: nothing could be
    done; one line on standard error says why. 130: interrupted. 141: nobody reads the output any more.
    """
    watch_interrupts(owns_process=arguments is None)
    if sys.platform == "darwin":
        # What PyTorch lacks on Apple's GPUs runs on the CPU then. It is read when PyTorch is imported.
        os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    from udsd.cli.parser import make_parser
    from udsd.cli.running import run_command

    return run_command("udsd", lambda: make_parser().parse_args(arguments), owns_process=arguments is None)
