"""Fixtures of the training room: a folder of small pages, and settings that train on it in a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from udsd.training.config import TrainingConfig

MakeConfig = Callable[..., TrainingConfig]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def make_config(pages: Path) -> MakeConfig:
    """Build a tiny run: two warm steps and one unpaired step of each kind, unless sections say otherwise."""

    def make(**sections: Mapping[str, Any]) -> TrainingConfig:
        tiny: dict[str, dict[str, Any]] = {
            "model": {"base_width": 4, "residual_blocks": 1},
            "data": {"sharp": [str(pages)], "crop_size": 32, "batch_size": 2},
            "blur": {"path_length": [2.0, 6.0]},
            "warm_start": {"steps": 2, "ramp_steps": 1},
            "branches": {"discriminator_width": 4},
            "loss": {"perceptual": 0.0},
            "unpaired": {"steps": 1, "decay_steps": 1},
            "run": {"precision": "float32", "checkpoint_every": 100, "sample_every": 100, "log_every": 1},
        }
        names = tiny.keys() | sections.keys()
        return TrainingConfig.from_dict({name: {**tiny.get(name, {}), **sections.get(name, {})} for name in names})

    return make
