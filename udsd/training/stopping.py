"""When a run is to stop early: by a signal, or because its caller says so."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from udsd.training.processes import Processes

_AGREE_EVERY = 10
"""Steps between checks, over all processes, whether one of them was asked to stop."""


class Stopping:
    """Whether a run was asked to stop; all of its processes do so at the same step.

    Args:
        processes: Those of the run.
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._asked = False

    def ask(self) -> None:
        """Stop at the next step."""
        self._asked = True

    def is_due(self, step: int) -> bool:
        """Whether to stop before the next step; ``step`` steps are done."""
        # All processes must stop at the same step; agreeing on it at every step would slow them down.
        if self._processes.count > 1 and step % _AGREE_EVERY:
            return False
        return self._processes.any(self._asked)

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Within the block SIGINT and SIGTERM ask to stop. Only a main thread can have signals handled."""
        self._asked = False
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: FrameType | None) -> None:
            self.ask()

        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
