"""Ctrl-C: it never ends in a traceback, and says how much is done. It imports little, so that it is set up first."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

EXIT_INTERRUPTED = 130


class Interrupts:
    """What Ctrl-C does while a command runs.

    Before there is work to be ended in order (while modules are imported, whose code may take an exception for an
    error of its own), and when it is pressed once more, the process ends at once: what it was writing has a hidden
    name still. In between `KeyboardInterrupt` is raised, as ever.

    A command that ends in order by itself is told instead of interrupted, by `finish_instead`.

    Attributes:
        done: Files that are done, as the last line says.
        descriptor: Where that line goes.
    """

    def __init__(self) -> None:
        self.descriptor = 2
        self.begin_start()

    def begin_start(self) -> None:
        """Nothing is done yet, and a Ctrl-C ends the process at once."""
        self.done = 0
        self._raises = False
        self._finish: Callable[[], None] | None = None

    def begin_work(self) -> None:
        """From now on the first Ctrl-C is an exception."""
        self._raises = True

    def finish_instead(self, finish: Callable[[], None]) -> None:
        """Have the first Ctrl-C call a function, which has the work end in order, and raise nothing."""
        self._finish = finish

    def report(self) -> None:
        """Say on standard error how much is done."""
        self.say(f"\n{self.done} done; run again to go on")

    def say(self, line: str) -> None:
        """Write a line on standard error, be it from a signal handler."""
        with suppress(OSError):  # not through sys.stderr: it may be in the middle of a line, or closed
            os.write(self.descriptor, f"{line}\n".encode())

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        if self._raises:
            self._raises = False
            if self._finish is None:
                raise KeyboardInterrupt
            self._finish()
            return
        self.report()
        os._exit(EXIT_INTERRUPTED)


INTERRUPTS = Interrupts()
"""Those of this process."""


def watch_termination() -> None:
    """Have SIGTERM do what Ctrl-C does, where `INTERRUPTS` handles that."""
    if signal.getsignal(signal.SIGINT) == INTERRUPTS.handle and hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, INTERRUPTS.handle)


def watch_interrupts(*, owns_process: bool) -> None:
    """Have `INTERRUPTS` handle Ctrl-C, if the process is that of a command; a program that calls us has its own ways.

    What runs in the background ignores Ctrl-C, and goes on to do so.
    """
    INTERRUPTS.begin_start()
    if (
        owns_process
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        # Not set back: until the process has ended a further Ctrl-C is to be as quiet.
        signal.signal(signal.SIGINT, INTERRUPTS.handle)
