"""Learning rates by step."""

from __future__ import annotations

import math

from udsd.training.config import UnpairedConfig, WarmStartConfig

_DECAYED_TO = 0.01
"""Share of the rate that is left when the paper's exponential decay ends; the paper does not say."""


def warm_start_rate(config: WarmStartConfig, step: int) -> float:
    """Rise from zero, hold, fall to zero along a cosine; ``step`` counts from 0 within the stage."""
    ramp = min(1.0, (step + 1) / max(config.ramp_steps, 1))
    falling = config.decay_share * config.steps
    progress = max(0.0, (step - (config.steps - falling)) / falling)
    return config.learning_rate * ramp * 0.5 * (1 + math.cos(math.pi * progress))


def unpaired_rate(config: UnpairedConfig, step: int) -> float:
    """Rise from zero, hold, then decay exponentially as the paper does; ``step`` counts from 0 within the stage."""
    ramp = min(1.0, (step + 1) / max(config.ramp_steps, 1))
    progress = max(0.0, (step - config.steps) / max(config.decay_steps, 1))
    return config.learning_rate * ramp * math.pow(_DECAYED_TO, min(progress, 1.0))
