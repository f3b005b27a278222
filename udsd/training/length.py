"""How many steps a run without a recipe has: as many as suit the images, or as the time allows."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from udsd.device import resolve_device, resolve_dtype
from udsd.errors import ConfigError
from udsd.evaluation.vgg import load_vgg19
from udsd.models import DeblurModel
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.learner import Learner
from udsd.training.prefetch import prefetch
from udsd.training.processes import Processes
from udsd.training.progress import duration
from udsd.training.teacher import load_teacher
from udsd.training.validation import make_validations

logger = logging.getLogger(__name__)

_FEWEST_STEPS, _MOST_STEPS = 1500, 10_000
_STEPS_OF_ROOT = 250
"""Without a time limit: steps by the square root of the number of images, within those limits."""

_TRIAL_STEPS, _TRIAL_WARM_UP = 5, 1
_LEAST_BUDGETED = 20
"""Steps that a time limit must leave room for."""

_TRAINING_SHARE = 0.93
"""Of the time that is left when training begins; the rest is for writing."""

_MEASURING_SHARE = 0.1
"""Of the time that is left, for measuring at most, unless measuring once takes more."""


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Seconds that a step of a run takes.

    Attributes:
        cold: While its images are read from files.
        warm: Once they are in memory.
        in_memory: Share of the images for which there is room in memory.
        batches: Steps in which as many images are shown as there are.
    """

    cold: float
    warm: float
    in_memory: float
    batches: float

    def steps_in(self, seconds: float) -> int:
        """How many steps there is time for: each image that is kept has to be read once."""
        late = self.in_memory * self.warm + (1 - self.in_memory) * self.cold
        reading = self.batches * self.in_memory * (self.cold - self.warm)
        return max(int(seconds / self.cold), int((seconds - reading) / late), 0)


def with_length(
    config: TrainingConfig, crops: TrainingCrops, ends: float | None, *, ramp_steps: int | None = None
) -> TrainingConfig:
    """A run with as many steps as the time allows, or as suit the number of images.

    Args:
        config: The run, without a length.
        crops: Its images.
        ends: When it must have ended, by `time.monotonic`; None for no such time.
        ramp_steps: ``warm_start.ramp_steps`` if it was given; None for what suits the length.

    Raises:
        ConfigError: The time is too short.
    """
    if ends is None:
        steps = int(_STEPS_OF_ROOT * len(crops.trained_on) ** 0.5)
        steps = min(max(steps, _FEWEST_STEPS), _MOST_STEPS)
    else:
        times = step_times(config, crops)
        # Each process has clocks of its own, and all must have as many steps.
        left = _processes_of(config).of_main(ends - time.monotonic())
        steps = times.steps_in(_TRAINING_SHARE * left)
        if steps < _LEAST_BUDGETED:
            raise ConfigError(
                f"the budget leaves {max(left, 0):.0f} s for training, {steps} steps; give a longer one, or "
                "smaller networks or crops (model.base_width, data.crop_size)"
            )
        logger.info("a step takes %.3f s, so there is time for %d in %s", left / steps, steps, duration(left))
    return _with_steps(config, steps, ramp_steps)


def affordable_measurements(
    config: TrainingConfig, crops: TrainingCrops, besides: Path, ends: float, most: int
) -> tuple[int, float]:
    """How often a run may be measured beside its start, at least once, and the seconds that all of it takes.

    Args:
        config: The run.
        crops: Its images.
        besides: The folder of the run.
        ends: When it must have ended, by `time.monotonic`.
        most: As often as it need be.

    Raises:
        ConfigError: scikit-image is not installed.
        ImageError: As for `make_validations`.
    """
    processes = _processes_of(config)
    found = _measurements(config, crops, besides, ends, most, processes.device) if processes.is_main else (most, 0.0)
    return processes.of_main(found)


def _measurements(
    config: TrainingConfig, crops: TrainingCrops, besides: Path, ends: float, most: int, device: torch.device
) -> tuple[int, float]:
    model = DeblurModel(config.model).to(device)
    began = time.monotonic()
    for validation in make_validations(config.data, config.blur, crops, None, besides):
        validation.scores(model, device, resolve_dtype(config.run.precision, device))
    now = time.monotonic()
    once = now - began
    count = min(max(int(_MEASURING_SHARE * (ends - now) / max(once, 1e-6)) - 2, 1), most)
    return count, (count + 2) * once  # at the start, and at the end, too


def least_seconds(config: TrainingConfig, crops: TrainingCrops) -> float:
    """Time that a run without a length takes at least, measured on this machine."""
    return _LEAST_BUDGETED * step_times(config, crops, first=_TRIAL_STEPS).cold / _TRAINING_SHARE


def step_times(config: TrainingConfig, crops: TrainingCrops, *, first: int = 0) -> StepTimes:
    """Times of a step of all processes, measured on networks of random weights that are thrown away.

    Steps of different images are timed, with the waiting for them, and the same steps again.

    Args:
        config: The run.
        crops: Its images.
        first: The first of the steps: another one if their images have been read already.
    """
    steps = range(first, first + _TRIAL_STEPS)
    config = _with_steps(config, steps.stop)
    vgg = None
    if config.needs_vgg:
        vgg = load_vgg19(Path(config.run.vgg_weights) if config.run.vgg_weights else None)
    processes = _processes_of(config)
    trial = Learner(config, processes, vgg, teacher=load_teacher(config))
    cold, warm = max(processes.gather((_trial_time(trial, crops, steps), _trial_time(trial, crops, steps))))
    return StepTimes(max(cold, warm), warm, crops.share_in_memory, len(crops.trained_on) / config.data.batch_size)


def _trial_time(trial: Learner, crops: TrainingCrops, steps: range) -> float:
    data, times = crops.config, []
    batches = prefetch(lambda step: trial.draw(crops, step), steps, data.workers, in_processes=data.worker_processes)
    began = time.perf_counter()
    with closing(batches):
        for step, batch in zip(steps, batches, strict=True):
            losses = trial.step(step, batch)
            float(next(iter(losses.values())).detach())  # waits for a GPU
            now = time.perf_counter()
            times.append(now - began)
            began = now
    return float(np.mean(times[_TRIAL_WARM_UP:]))


def _processes_of(config: TrainingConfig) -> Processes:
    return Processes(resolve_device(config.run.device))


def _with_steps(config: TrainingConfig, steps: int, ramp_steps: int | None = None) -> TrainingConfig:
    ramp = min(50, steps // 10) if ramp_steps is None else ramp_steps
    return replace(config, warm_start=replace(config.warm_start, steps=steps, ramp_steps=ramp))
