"""How many steps a run without a recipe has: as many as suit the images, or as the time allows."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from udsd.device import resolve_device
from udsd.errors import ConfigError
from udsd.evaluation.vgg import load_vgg19
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.learner import Learner
from udsd.training.prefetch import prefetch
from udsd.training.processes import Processes
from udsd.training.progress import duration
from udsd.training.teacher import load_teacher

logger = logging.getLogger(__name__)

_FEWEST_STEPS, _MOST_STEPS = 1500, 10_000
_STEPS_OF_ROOT = 250
"""Without a time limit: steps by the square root of the number of images, within those limits."""

_TRIAL_STEPS, _TRIAL_WARM_UP = 6, 2
_LEAST_BUDGETED = 20
"""Steps that a time limit must leave room for."""

_TRAINING_SHARE = 0.93
"""Of the time that is left when training begins; the rest is for measuring and writing."""


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
        step_time = seconds_per_step(config, crops)
        # Each process has clocks of its own, and all must have as many steps.
        left = _processes_of(config).of_main(ends - time.monotonic())
        steps = int(_TRAINING_SHARE * left / step_time)
        if steps < _LEAST_BUDGETED:
            raise ConfigError(
                f"the budget leaves {max(left, 0):.0f} s for training, {max(steps, 0)} steps; give a longer one, or "
                "smaller networks or crops (model.base_width, data.crop_size)"
            )
        logger.info("a step takes %.3f s, so there is time for %d in %s", step_time, steps, duration(left))
    return _with_steps(config, steps, ramp_steps)


def least_seconds(config: TrainingConfig, crops: TrainingCrops) -> float:
    """Time that a run without a length takes at least, measured on this machine."""
    return _LEAST_BUDGETED * seconds_per_step(config, crops) / _TRAINING_SHARE


def seconds_per_step(config: TrainingConfig, crops: TrainingCrops) -> float:
    """Time of a step of all processes, measured on networks of random weights that are thrown away."""
    config = _with_steps(config, 1)
    vgg = None
    if config.needs_vgg:
        vgg = load_vgg19(Path(config.run.vgg_weights) if config.run.vgg_weights else None)
    processes = _processes_of(config)
    trial = Learner(config, processes, vgg, teacher=load_teacher(config))
    batches = prefetch(
        lambda step: trial.draw(crops, 0),
        range(_TRIAL_WARM_UP + _TRIAL_STEPS),
        config.data.workers,
        in_processes=config.data.worker_processes,
    )
    times = []
    with closing(batches):
        for batch in batches:
            began = time.perf_counter()
            losses = trial.step(0, batch)
            float(next(iter(losses.values())).detach())  # waits for a GPU
            times.append(time.perf_counter() - began)
    return max(processes.gather(float(np.mean(times[_TRIAL_WARM_UP:]))))


def _processes_of(config: TrainingConfig) -> Processes:
    return Processes(resolve_device(config.run.device))


def _with_steps(config: TrainingConfig, steps: int, ramp_steps: int | None = None) -> TrainingConfig:
    ramp = min(50, steps // 10) if ramp_steps is None else ramp_steps
    return replace(config, warm_start=replace(config.warm_start, steps=steps, ramp_steps=ramp))
