"""What a run shows of itself: losses as CSV and for TensorBoard, and pictures."""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from udsd.atomic import whole_file
from udsd.errors import UdsdError
from udsd.extras import find, pip_install
from udsd.images import save_image, side_by_side
from udsd.images.levels import to_pillow
from udsd.training.processes import Processes
from udsd.training.runs import explain_full_disk

logger = logging.getLogger(__name__)

_HEADING = ("step", "loss", "value")
_SAMPLES = 4


class RunningMeans:
    """Means of named losses over steps and processes.

    Sums stay on the device until they are taken: reading a loss at every step would make the device wait.
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Take in the losses of one step."""
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, 0) + loss.detach().float()
            self._counts[name] = self._counts.get(name, 0) + 1

    def take(self, step: int) -> dict[str, float]:
        """The means since the last call; nothing when there were no steps.

        Raises:
            UdsdError: A mean is not finite; the message names the loss.
        """
        if not self._sums:
            return {}
        means = torch.stack([total / self._counts[name] for name, total in self._sums.items()])
        values = dict(zip(self._sums, self._processes.mean(means).tolist(), strict=True))
        self._sums, self._counts = {}, {}
        for name, value in values.items():
            if not math.isfinite(value):
                raise UdsdError(
                    f"the {name} loss is {value} at step {step}; resume from the last checkpoint with a lower "
                    "learning rate or run.precision = 'float32'"
                )
        return values


class LossLog:
    """Writes ``losses.csv`` (step, name, value), and the same and more for TensorBoard where that is installed.

    Args:
        folder: The run's; TensorBoard's files lie in ``tensorboard/`` below it.
        resume_at: The step at which the run goes on; lines of later steps, which it computes again, are cut.
    """

    def __init__(self, folder: Path, resume_at: int) -> None:
        self._path = folder / "losses.csv"
        kept = [row for row in _read_rows(self._path) if int(row[0]) <= resume_at] if resume_at else []
        with whole_file(self._path) as unfinished, unfinished.open("w", newline="") as file:
            csv.writer(file).writerows([_HEADING, *kept])
        self._board = _tensorboard(folder / "tensorboard", resume_at)

    def __enter__(self) -> LossLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._board is not None:
            with explain_full_disk(self._path.parent):  # what is still to be written is written then
                self._board.close()

    def show(self, step: int, rates: Mapping[str, float]) -> None:
        """Show learning rates by their optimizer's name, on TensorBoard alone."""
        if self._board is not None:
            for name, value in rates.items():
                self._board.add_scalar(f"learning_rate/{name}", value, step)

    def show_picture(self, step: int, path: Path) -> None:
        """Show a sample grid, on TensorBoard alone."""
        if self._board is not None:
            with Image.open(path) as picture:
                self._board.add_image("samples", np.asarray(picture.convert("RGB")), step, dataformats="HWC")

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Write named values of a step."""
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerows((step, name, f"{value:.6g}") for name, value in values.items())
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(
                    name.replace("_", "/", 1) if name.startswith("validation") else name, value, step
                )


@dataclass(frozen=True, slots=True)
class SampleGrid:
    """Pictures of the same crops at every stage of a run.

    Attributes:
        folder: Where they are written.
    """

    folder: Path

    def write(self, columns: Mapping[str, Tensor], step: int) -> Path:
        """Write ``STEP.png``: a row for each of the first few crops, a column for each batch (B, 3, H, W)."""
        shown = {name: batch[:_SAMPLES].float().cpu() for name, batch in columns.items()}
        rows = range(len(next(iter(shown.values()))))
        images = [to_pillow(batch[row]) for row in rows for batch in shown.values()]
        target = self.folder / f"{step:08d}.png"
        save_image(side_by_side(images, [*shown] * len(rows), columns=len(shown)), target)
        return target


def _tensorboard(folder: Path, resume_at: int) -> Any:
    tensorboard = find("torch.utils.tensorboard")
    if tensorboard is None:
        logger.info("TensorBoard is not installed (%s); losses go to losses.csv alone", pip_install("tensorboard"))
        return None
    # The step after the last that is kept: TensorBoard hides what an interrupted run wrote from there on.
    return tensorboard.SummaryWriter(str(folder), purge_step=resume_at + 1 if resume_at else None)


def _read_rows(path: Path) -> list[list[str]]:
    """The rows below the heading, without what a crash in the middle of a line left."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.reader(file) if len(row) == len(_HEADING) and row[0].isdecimal()]
