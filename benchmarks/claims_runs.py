"""The small training runs of `claims.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udsd.errors import UdsdError
from udsd.training import train
from udsd.training.config import TrainingConfig
from udsd.training.runs import TrainedRun

Sections = Mapping[str, Mapping[str, Any]]

PERCEPTUAL = 0.1

ABLATIONS: dict[str, Sections] = {
    "whole": {},
    "no blur encoder": {"branches": {"blur_encoder": False}},
    "no KL": {"loss": {"kl": 0.0}},
    "no cycle": {"loss": {"cycle_sharp": 0.0, "cycle_blurred": 0.0}},
    "no perceptual loss": {"loss": {"perceptual": 0.0}},
    "reference s, not b": {"objective": {"perceptual_reference": "sharp"}},
}
"""What each differs in from the paper's objective."""

ABOUT_PERCEPTUAL = ("no perceptual loss", "reference s, not b")


@dataclass(frozen=True, slots=True)
class Budget:
    """Sizes of the runs.

    Attributes:
        width: Channels of the first convolution.
        crop: Side of training crops in pixels.
        batch: Crops of each side in a step.
        lengths: Shortest and longest straight motion in pixels.
        vgg_weights: File of VGG-19; empty for no perceptual loss.
        seeds: Number of runs of each kind.
    """

    width: int
    crop: int
    batch: int
    lengths: tuple[float, float]
    vgg_weights: str
    seeds: int


def ablated(budget: Budget, steps: int, name: str, seed: int) -> TrainingConfig | None:
    """The paper's objective without one of its parts; None if that is the perceptual loss, and there is none."""
    if name in ABOUT_PERCEPTUAL and not budget.vgg_weights:
        return None
    objective: Sections = {
        "loss": {"perceptual": PERCEPTUAL if budget.vgg_weights else 0.0},
        "unpaired": {"steps": steps - steps // 3, "decay_steps": steps // 3, "learning_rate": 4e-4, "ramp_steps": 30},
        "branches": {"discriminator_init": "kaiming"},
    }
    return _config(budget, seed, objective, ABLATIONS[name])


def warm_start_config(budget: Budget, steps: int, *, kl: float, seed: int) -> TrainingConfig:
    """The warm start alone."""
    stage = {"steps": steps, "ramp_steps": 30, "learning_rate": 1e-3}
    return _config(budget, seed, {"warm_start": stage, "loss": {"kl": kl, "perceptual": 0.0}})


def transfer_config(budget: Budget, warm_steps: int, steps: int, blur: str) -> TrainingConfig:
    """A warm start, so that E^b reads blur, then the unpaired stage with the warm start's losses beside its own."""
    return _config(
        budget,
        0,
        {
            "warm_start": {"steps": warm_steps, "ramp_steps": 30, "learning_rate": 1e-3},
            "unpaired": {
                "steps": steps - steps // 3,
                "decay_steps": steps // 3,
                "learning_rate": 5e-4,
                "ramp_steps": 30,
                "restoration": True,
            },
            "branches": {"blur": blur, "kernel_size": 33, "discriminator_init": "kaiming"},
            "objective": {"detach_blurred": True, "adversarial": "least_squares", "replay_pool": 50},
            "loss": {"perceptual": 0.0, "kl": 1e-4, "latent": 1.0, "adversarial_sharp": 0.03, "cycle_blurred": 20.0},
        },
    )


def train_run(folder: Path, config: TrainingConfig, images: Path) -> TrainedRun:
    """Train, or go on training, in a folder.

    Raises:
        KeyboardInterrupt: The run was stopped; it has saved a checkpoint.
    """
    run = train(str(images), folder, recipe=config, resume=True)
    if run.step < run.config.total_steps:
        raise KeyboardInterrupt
    return run


def _config(budget: Budget, seed: int, *parts: Sections) -> TrainingConfig:
    sections: dict[str, dict[str, Any]] = {
        "model": {"base_width": budget.width, "residual_blocks": 2, "residual_output": True},
        "data": {"crop_size": budget.crop, "batch_size": budget.batch, "minimum_contrast": 10.0, "workers": 1},
        "blur": {"path_length": list(budget.lengths), "straight_probability": 1.0},
        "run": {
            "seed": seed,
            "ema_decay": 0.99,
            "checkpoint_every": 200,
            "keep_checkpoints": 1,
            "sample_every": 1000,
            "vgg_weights": budget.vgg_weights,
        },
    }
    for part in parts:
        for name, values in part.items():
            sections[name] = {**sections.get(name, {}), **values}
    config = TrainingConfig.from_dict(sections)
    if config.total_steps < 1:
        raise UdsdError("a run has no steps; give more of --steps, --warm-steps or --transfer-steps")
    return config
