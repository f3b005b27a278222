"""What a run shows of itself: losses as CSV, and pictures."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from udsd.errors import UdsdError
from udsd.images import save_image, side_by_side
from udsd.images.tensors import to_pillow
from udsd.models import DeblurModel
from udsd.training.data import UnpairedCrops

_HEADING = ("step", "loss", "value")
_SAMPLES = 4


class LossLog:
    """Means of named losses over a number of steps, one CSV line each: step, name, value.

    Sums stay on the device until they are written: reading a loss at every step would make the device wait.

    Args:
        path: The CSV file; lines of steps from ``resume_at`` on, which a resumed run computes again, are cut.
        resume_at: The step at which the run goes on.
    """

    def __init__(self, path: Path, resume_at: int) -> None:
        self._path = path
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [row for row in _read_rows(path) if int(row[0]) <= resume_at]
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("w", newline="") as file:
            csv.writer(file).writerows([_HEADING, *kept])
        unfinished.replace(path)

    def add(self, losses: dict[str, Tensor]) -> None:
        """Take in the losses of one step."""
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, 0) + loss.detach().float()
            self._counts[name] = self._counts.get(name, 0) + 1

    def write(self, step: int) -> dict[str, float]:
        """Write the means since the last call; nothing when there were no steps.

        Raises:
            UdsdError: A mean is not finite; the message names the loss.
        """
        means = {name: float(total) / self._counts[name] for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        for name, value in means.items():
            if not np.isfinite(value):
                raise UdsdError(
                    f"the {name} loss is {value} at step {step}; resume from the last checkpoint with a lower "
                    "learning rate or run.precision = 'float32'"
                )
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerows((step, name, f"{value:.6g}") for name, value in means.items())
        return means


class SampleGrid:
    """Pictures of fixed crops during training: blurred, restored, sharp.

    The crops are drawn once, from a source of randomness of their own, so that pictures do not change what the
    run computes and can be compared over time.
    """

    def __init__(self, crops: UnpairedCrops, seed: int, folder: Path) -> None:
        self._folder = folder
        crops = crops.reseeded(np.random.default_rng([seed, 1]))
        sharp, blurred = crops.self_supervised_batch()
        self._sharp, self._blurred = sharp[:_SAMPLES], blurred[:_SAMPLES]

    def write(self, model: DeblurModel, step: int, device: torch.device) -> Path:
        """Write ``samples/STEP.png`` for the model as it is now."""
        with torch.inference_mode():
            restored = model(self._blurred.to(device)).cpu()
        columns = {"blurred": self._blurred, "restored": restored, "sharp": self._sharp}
        images = [to_pillow(column[index]) for index in range(len(self._sharp)) for column in columns.values()]
        target = self._folder / f"{step:08d}.png"
        save_image(side_by_side(images, [*columns] * len(self._sharp), columns=len(columns)), target)
        return target


def _read_rows(path: Path) -> list[list[str]]:
    """The rows below the heading, without what a crash in the middle of a line left."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.reader(file) if len(row) == len(_HEADING) and row[0].isdecimal()]
