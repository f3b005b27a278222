"""Learning rates by step."""

from __future__ import annotations

import math

from udsd.training.config import UnpairedConfig, WarmStartConfig

_FINAL_SHARE = 0.01
"""Share of the rate that is left at the end of the exponential decay; the paper does not give it."""


def warm_start_rate(config: WarmStartConfig, step: int) -> float:
    """Linear ramp from zero, constant rate, cosine decay to zero; ``step`` counts from 0 within the stage."""
    ramp = min(1.0, (step + 1) / max(config.ramp_steps, 1))
    falling = config.decay_share * config.steps
    progress = max(0.0, (step - (config.steps - falling)) / falling)
    return config.learning_rate * ramp * 0.5 * (1 + math.cos(math.pi * progress))


def unpaired_rate(config: UnpairedConfig, step: int) -> float:
    """Linear ramp from zero, constant rate, exponential decay (the paper's) or a linear one to zero.

    ``step`` counts from 0 within the stage.
    """
    ramp = min(1.0, (step + 1) / max(config.ramp_steps, 1))
    elapsed = min(max(0, step - config.steps), config.decay_steps)
    if config.decay == "linear":
        share = 1 - elapsed / (config.decay_steps + 1)  # zero comes after the last step
    else:
        share = math.pow(_FINAL_SHARE, elapsed / max(config.decay_steps, 1))
    return config.learning_rate * ramp * share
