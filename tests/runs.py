"""Training runs that take a moment: their settings, and what they left behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from udsd.training.checkpoint import find_checkpoints
from udsd.training.config import TrainingConfig

CPU = torch.device("cpu")
MakeConfig = Callable[..., TrainingConfig]
Settings = Mapping[str, Mapping[str, Any]]

TINY: Settings = {
    "model": {"base_width": 4, "residual_blocks": 1},
    "data": {"crop_size": 32, "batch_size": 2},
    "blur": {"path_length": [2.0, 6.0]},
    "warm_start": {"steps": 2, "ramp_steps": 1},
    "branches": {"discriminator_width": 4},
    "loss": {"perceptual": 0.0},
    "unpaired": {"steps": 1, "decay_steps": 1},
    "run": {"precision": "float32", "checkpoint_every": 100, "sample_every": 100, "log_every": 1},
}
"""Two warm steps and one unpaired step of each kind, of the smallest networks."""


def merged(*parts: Settings) -> dict[str, dict[str, Any]]:
    """Settings by section and key; later ones win."""
    together: dict[str, dict[str, Any]] = {}
    for part in parts:
        for section, values in part.items():
            together[section] = {**together.get(section, {}), **values}
    return together


def to_toml(settings: Settings) -> str:
    """JSON's numbers, texts, booleans and lists are TOML's as well; None is what is not there."""
    lines = []
    for section, values in settings.items():
        lines += [
            f"[{section}]",
            *(f"{name} = {json.dumps(value)}" for name, value in values.items() if value is not None),
        ]
    return "\n".join(lines)


def newest(run: Path) -> dict[str, Any]:
    """The newest checkpoint."""
    state: dict[str, Any] = torch.load(find_checkpoints(run)[-1], weights_only=True)
    return state


def assert_same(first: Any, second: Any, where: str = "state") -> None:
    """Equal to the last bit, however deep in mappings and lists."""
    assert type(first) is type(second), where
    if isinstance(first, Tensor):
        assert torch.equal(first, second), where
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for key, value in first.items():
            assert_same(value, second[key], f"{where}.{key}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), where
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            assert_same(one, other, f"{where}[{index}]")
    else:
        assert first == second, where
