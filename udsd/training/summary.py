"""What a run says at its beginning and at its end, in a few lines."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterable
from pathlib import Path

import torch

from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.scores import RunScores, Scored
from udsd.training.selection import Selection

_FORMATS = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}


logger = logging.getLogger(__name__)


def log_lines(lines: Iterable[str]) -> None:
    """Log each line."""
    for line in lines:
        logger.info("%s", line)


def opening_lines(
    config: TrainingConfig,
    output: Path,
    crops: TrainingCrops,
    selection: Selection,
    *,
    step: int,
    device: torch.device,
    dtype: torch.dtype,
    processes: int,
) -> list[str]:
    """What a run is going to do.

    Args:
        config: The whole run, its length in steps.
        output: Its folder.
        crops: Its images.
        selection: Its validations.
        step: Steps that are done already.
        device: Where it trains.
        dtype: Format of the arithmetic.
        processes: Number of processes.
    """
    data, model = config.data, config.model
    going_on = f", going on at step {step:,}" if step else ""
    several = f", {processes} processes" if processes > 1 else ""
    started = f", from {config.run.init}" if config.run.init else ""
    taught = f", taught by {config.warm_start.teacher}" if config.warm_start.teacher else ""
    images = crops.description(unpaired=config.has_unpaired_stage)
    lines = [
        f"run in {output}: {_stages(config)}{going_on}",
        f"networks of width {model.base_width}{started}{taught}; {device} in {_FORMATS.get(dtype, dtype)}{several}, "
        f"seed {config.run.seed}",
        f"images: {images}; crops of {data.crop_size} px, {data.batch_size} a step",
    ]
    measured = [f"{len(one)} images ({one.name.replace('_', ' ')})" for one in selection.validations]
    every = f", every {config.run.validate_every:,} steps" if measured else ""
    lines.append(f"measured on: {' and '.join(measured) or 'nothing (give --validation or --validation-pairs)'}{every}")
    return lines


def closing_lines(output: Path, step: int, total: int, seconds: str, scores: RunScores) -> list[str]:
    """What a run has come to, and the command that comes next.

    Args:
        output: Its folder.
        step: Steps that are done.
        total: Steps of the whole run.
        seconds: The time that they took, in words.
        scores: Those of the validation.
    """
    folder = shlex.quote(str(output))
    lines = [f"{step:,} of {total:,} steps are done, after {seconds}; the run is in {output}"]
    if scores.start and scores.best and scores.last:
        blurred = scores.blurred.get(scores.name)
        moments = [f"{_decibels(scores.start)} at step {scores.start.step:,}"]
        moments += [f"{_decibels(scores.last)} at step {scores.last.step:,}"] if scores.last != scores.start else []
        moments += [f"best {_decibels(scores.best)} at step {scores.best.step:,}"]
        moments += [] if blurred is None else [f"blurred images {blurred:.2f}"]
        lines.append(f"{scores.name}: {', '.join(moments)}")
    if step < total:
        lines.append(f"to go on: udsd-train --resume --output {folder}")
    which = f"the best model, of step {scores.best.step:,}" if scores.best else "the model"
    lines.append(f"to write {which}: udsd-train export {folder} -o MODEL/")
    return lines


def below_start(scores: RunScores) -> str | None:
    """A warning if the newest weights are worse than those at the start; else None."""
    if not (scores.ended_below_start and scores.start and scores.last and scores.best):
        return None
    best = scores.best
    kept = (
        "no step was better than the start, which is what export writes"
        if best.step == scores.start.step
        else f"export writes the best, of step {best.step:,}"
    )
    return (
        f"the run is worse than its start: {scores.name} {_decibels(scores.last)} at step {scores.last.step:,}, "
        f"{_decibels(scores.start)} at step {scores.start.step:,}; {kept}"
    )


def _stages(config: TrainingConfig) -> str:
    warm, unpaired = config.warm_start, config.unpaired
    parts = [f"warm start {warm.steps:,} steps ({warm.optimizer})"] if warm.steps else []
    if unpaired.steps + unpaired.decay_steps:
        parts.append(f"unpaired {unpaired.steps:,} steps and {unpaired.decay_steps:,} of decay")
    return ", then ".join(parts)


def _decibels(scored: Scored) -> str:
    return f"{scored.value:.2f}"
