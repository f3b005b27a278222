"""What a run tells of itself while it goes on: a bar on a terminal, else a line now and then; and to its caller."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Any, Self

from tqdm.contrib.logging import logging_redirect_tqdm

from udsd.progress import tqdm

logger = logging.getLogger(__name__)

_SHOWN_LOSSES = 4
"""Losses on the bar, which has to fit a terminal; all are in losses.csv."""

_BETWEEN_LINES = 30.0
"""Seconds."""

_STEPS_TO_KNOW = 20
"""Steps after which the time of a step is known; the first of a stage are slower."""


@dataclass(frozen=True, slots=True)
class TrainingUpdate:
    """What the callback of a run is given.

    Attributes:
        step: Steps that are done.
        total_steps: Steps of the whole run.
        stage: ``"warm start"`` or ``"unpaired"``.
        losses: Means of the losses since the last update, by name; empty where only scores are new.
        scores: Scores of the validation by name, if the run was measured at this step.
        seconds_left: Time that is left of the stage; None while it is not known.
    """

    step: int
    total_steps: int
    stage: str
    losses: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    seconds_left: float | None = None


Callback = Callable[[TrainingUpdate], object]
"""Called with every new mean of the losses and with new scores; if it returns True the run stops with a checkpoint."""


class Progress:
    """Shows the steps of a run.

    Args:
        step: Steps that are done already.
        total: Steps of the run.
        shown: Whether anything is to be seen.
    """

    def __init__(self, step: int, total: int, *, shown: bool) -> None:
        self._step, self._total = step, total
        self._shown = shown
        has_bar = shown and _can_show_bar()
        self._bar = tqdm(total=total, initial=step, unit="step", dynamic_ncols=True) if has_bar else None
        self._open = ExitStack()
        self._last_line = time.monotonic()
        self._stage, self._stage_end = "", total
        self._began: tuple[int, float] | None = None
        self._tells_time = False

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._open.callback(self._bar.close)
            self._open.enter_context(logging_redirect_tqdm(tqdm_class=tqdm))  # log lines go above the bar
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def begin_stage(self, name: str, end: int) -> None:
        """The steps from now on, up to step ``end``, are those of a stage, if it is not the same as before."""
        if name != self._stage:
            self._stage, self._stage_end = name, end
            self._began, self._tells_time = None, True

    def advance(self) -> None:
        """One more step is done."""
        self._step += 1
        if self._began is None:
            self._began = self._step, time.monotonic()  # the first step of a stage prepares what later ones need
        if self._bar is not None:
            self._bar.update()
        left = self.seconds_left
        if left is not None and self._tells_time:
            self._tells_time = False
            if self._shown:
                logger.info(
                    "step %d: %.2f s a step, about %s to the end of the %s",
                    self._step,
                    self.seconds_per_step,
                    duration(left),
                    f"{self._stage} stage" if self._stage_end != self._total else "run",
                )

    @property
    def seconds_per_step(self) -> float | None:
        """Mean time of a step of this stage, with all that is done between steps; None while it is not known."""
        if self._began is None or self._step - self._began[0] < _STEPS_TO_KNOW:
            return None
        return (time.monotonic() - self._began[1]) / (self._step - self._began[0])

    @property
    def seconds_left(self) -> float | None:
        """Time to the end of the stage; None while it is not known."""
        each = self.seconds_per_step
        return None if each is None else each * (self._stage_end - self._step)

    def show(self, values: Mapping[str, float]) -> None:
        """Show means of losses: on the bar, or in a line if the last one is some time ago."""
        few = dict(islice(values.items(), _SHOWN_LOSSES))
        if self._bar is not None:
            self._bar.set_postfix(few, refresh=False)
        elif self._shown and time.monotonic() - self._last_line >= _BETWEEN_LINES:
            self._last_line = time.monotonic()
            left = self.seconds_left
            logger.info(
                "step %d of %d%s: %s",
                self._step,
                self._total,
                "" if left is None else f", {duration(left)} left",
                ", ".join(f"{name} {value:.4g}" for name, value in few.items()),
            )


def duration(seconds: float) -> str:
    """A time as people say it: ``45 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _can_show_bar() -> bool:
    """Whether standard error is a terminal, or this is a notebook, where a bar is a picture of its own."""
    stream: Any = sys.stderr
    in_notebook = any(kind.__name__ == "tqdm_notebook" for kind in tqdm.__mro__)
    return in_notebook or (stream is not None and stream.isatty())
