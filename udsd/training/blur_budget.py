"""The part of a budget that goes into learning the blur, and the budgets that are too short for it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from udsd.errors import ConfigError
from udsd.estimation import SHORTEST, WHOLE, Plan, fitting_plan, measure_cost
from udsd.training.progress import duration

logger = logging.getLogger(__name__)

BLUR_SHARE = 0.5
"""Of the time that is left when the images are found, for learning the blur at most; training has the rest."""

_BEFORE = 5
"""Seconds that a run may take to find its images and to measure its speed."""


def affordable_plan(
    blurred: Sequence[Path],
    sharp: Sequence[Path],
    *,
    ends: float,
    training: float,
    seed: int,
    clock: Callable[[], float] = time.monotonic,
) -> Plan:
    """How thoroughly the blur can be learnt in its share of the time, by what it costs on this machine.

    Args:
        blurred: Files of blurred images.
        sharp: Files of sharp ones.
        ends: When the run must have ended, by the clock.
        training: Seconds that training takes at least.
        seed: Of the images that the cost is measured on.
        clock: Gives seconds.

    Raises:
        ConfigError: The time is too short for the shortest plan, or for training.
        ImageError: None of the sharp images can be read.
    """
    cost, files = measure_cost(sharp, seed), (len(blurred), len(sharp))
    left = max(ends - clock(), 0)
    plan = fitting_plan(cost, files, BLUR_SHARE * left)
    if plan is None or training > (1 - BLUR_SHARE) * left:
        learning = cost.of(SHORTEST, files)
        wanted = math.ceil(max(learning / BLUR_SHARE, training / (1 - BLUR_SHARE))) + _BEFORE
        raise ConfigError(
            f"the budget is too short, it leaves {left:.0f} s: here learning the blur takes {learning:.0f} s at least "
            f"and some steps of training {training:.0f} s, and each may have half of it; give {wanted} s or more, or "
            "smaller networks or crops (model.base_width, data.crop_size)"
        )
    logger.info("learning the blur will take about %s", duration(cost.of(plan, files)))
    if plan is not WHOLE:
        logger.warning(
            "the budget is short: the blur is learnt less exactly, from %s simulated images in place of %s",
            f"{plan.simulated:,}",
            f"{WHOLE.simulated:,}",
        )
    return plan
