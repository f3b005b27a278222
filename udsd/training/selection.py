"""Which weights of a run are the best, by its validation, and the file that keeps them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from udsd.models import DeblurModel
from udsd.training.checkpoint import BEST_FILE, take_best, write_state
from udsd.training.scores import RunScores
from udsd.training.validation import Validation

logger = logging.getLogger(__name__)


class Selection:
    """Measures a run by its validations, and tells when its averaged weights are the best so far.

    Args:
        validations: The first is the one by which steps are compared. Without any nothing is measured.
        folder: The run's.

    Attributes:
        scores: The scores to be remembered, part of the state of a run.
    """

    def __init__(self, validations: Sequence[Validation], folder: Path) -> None:
        self._validations = list(validations)
        self._folder = folder
        self.scores = self._nothing_measured()

    @property
    def validations(self) -> Sequence[Validation]:
        """As given."""
        return self._validations

    @property
    def is_measured(self) -> bool:
        """Whether there is nothing to measure, or the start has been."""
        return not self._validations or self.scores.start is not None

    def measure(
        self, step: int, model: DeblurModel, device: torch.device, dtype: torch.dtype
    ) -> tuple[dict[str, float], bool]:
        """Scores of a model by name, and whether it is the best so far."""
        found: dict[str, float] = {}
        for validation in self._validations:
            scores = validation.scores(model, device, dtype)
            logger.info("step %d: %s", step, _described(validation, scores))
            found |= scores
        self.scores = self.scores.with_new(step, found)
        return found, self.scores.best is not None and self.scores.best.step == step

    def resume(self, saved: Mapping[str, Any], step: int) -> None:
        """Take up what was measured up to a step, unless it was on another set of images.

        A better model that the run found behind that step, before it was interrupted, stays the best.
        """
        before = RunScores.from_dict(saved)
        if not self._validations:
            if before.best is not None:
                logger.warning(
                    "the run is not measured any more; export writes the best model up to now, of step %d, "
                    "unless it is given --last",
                    before.best.step,
                )
            self.scores = before
            return
        if before.fingerprint != self.scores.fingerprint:
            if before.start is not None:
                logger.warning("the validation has changed: its scores begin anew at step %d", step)
            return
        self.scores = before
        found = take_best(self._folder, lambda state: RunScores.from_dict(state["scores"]))
        if found is not None and found.best is not None and found.fingerprint == before.fingerprint:
            self.scores = before.with_best(found.best) if found.best.step > step else before

    def save(self, state: dict[str, Any]) -> None:
        """Keep the state of the best weights, its numbers as float16: half the size, as in an exported model.

        Raises:
            OSError: The file cannot be written.
        """
        write_state(self._folder / BEST_FILE, {name: _halved(value) for name, value in state.items()})

    def _nothing_measured(self) -> RunScores:
        if not self._validations:
            return RunScores()
        first = self._validations[0]
        blurred = {name: value for one in self._validations for name, value in one.blurred.items()}
        return RunScores(first.score, first.fingerprint, blurred)


def _described(validation: Validation, scores: Mapping[str, float]) -> str:
    words = {"psnr": "PSNR {:.2f} dB", "ssim": "SSIM {:.3f}", "d_vgg": "d_VGG {:.3f}"}
    parts = []
    for name, value in scores.items():
        kind = name.removeprefix(f"{validation.name}_")
        text = words.get(kind, f"{kind} {{:.4g}}")
        was = validation.blurred.get(name)
        parts.append(text.format(value) + ("" if was is None else f" (blurred {text.format(was).split(' ', 1)[1]})"))
    return f"{validation.name.replace('_', ' ')} " + ", ".join(parts)


def _halved(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", torch.float16) if value.is_floating_point() else value.detach().cpu()
    return {name: _halved(part) for name, part in value.items()} if isinstance(value, dict) else value
