"""The size at which a model that is trained further is shown the images of a new domain: the one that it knows best."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from udsd.device import resolve_device, resolve_dtype
from udsd.pretrained import resolve
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.processes import Processes
from udsd.training.validation import make_validations

logger = logging.getLogger(__name__)

_LARGER = [2 ** (step / 2) for step in range(1, 7)]
"""The scales that may be tried, up to the largest of use."""

_SMALLER = [1 / scale for scale in _LARGER]

_BETWEEN = 2**0.25
"""What lies between two of them: the neighbours of the best are tried too."""

_SHARE = 0.05
"""Of the time that is left, for trying a scale at most."""

_LEAST_GAIN = 0.1
"""In dB. With less the images stay in their own size, which costs less than a larger one and loses less than a smaller
one."""


def with_best_scale(
    config: TrainingConfig, crops: TrainingCrops, besides: Path, ends: float | None = None
) -> TrainingConfig:
    """A run whose networks are shown images at the size at which the model that it starts from restores them best.

    The networks know letters or faces of a certain size, and blur of certain lengths. At another size both are new to
    them, and learning them anew takes longer than a short run has.

    Args:
        config: The run, with a model to start from.
        crops: Its images, under the blur that it trains on. Those that are held out are measured.
        besides: The folder of the run.
        ends: When the run must have ended, by `time.monotonic`: larger scales for which there is no time are not tried.

    Raises:
        ConfigError: scikit-image is not installed.
        UdsdError: The model cannot be had.
    """
    processes = Processes(resolve_device(config.run.device))
    # One measures for all: what each has time for differs, and all must train the same networks.
    scale = processes.of_main(_best_scale(config, crops, besides, ends, processes.device) if processes.is_main else 1.0)
    return replace(config, model=replace(config.model, input_scale=round(scale, 3)))


def _best_scale(
    config: TrainingConfig, crops: TrainingCrops, besides: Path, ends: float | None, device: torch.device
) -> float:
    validations = make_validations(config.data, config.blur, crops, None, besides)
    if not validations:
        return config.model.input_scale
    validation, model = validations[0], resolve(config.run.init).load_model()
    dtype = resolve_dtype(config.run.precision, device)
    model.to(device)

    def score(scale: float) -> float:
        model.config = replace(model.config, balance_white=config.model.balance_white, domain=None, input_scale=scale)
        return validation.scores(model, device, dtype)[validation.score]

    began = time.monotonic()
    own = score(1.0)
    took = max(time.monotonic() - began, 1e-3)
    left = math.inf if ends is None else max(0.0, ends - time.monotonic())
    largest = min(_LARGER[-1], math.sqrt(_SHARE * left / took))
    scale, best = _climb(score, own, [scale for scale in _LARGER if scale <= largest])
    if scale == 1:
        scale, best = _climb(score, own, _SMALLER)
    neighbours = scale * _BETWEEN, scale / _BETWEEN
    for neighbour in (one for one in neighbours if _SMALLER[-1] <= one <= max(largest, 1.0)):
        found = score(neighbour)
        if found > best:
            scale, best = neighbour, found
            break
    if best < own + _LEAST_GAIN:
        logger.info("the model restores the images best in their own size: %.2f dB", own)
        return config.model.input_scale
    logger.warning(
        "images are shown to the networks at %.2f times their size: %.2f dB, %.2f in their own", scale, best, own
    )
    return scale


def _climb(score: Callable[[float], float], own: float, scales: Sequence[float]) -> tuple[float, float]:
    """The last of 1 and some scales up to which the score rises, and its score."""
    best = (1.0, own)
    for scale in scales:
        found = score(scale)
        if found <= best[1]:
            break
        best = (scale, found)
    return best
