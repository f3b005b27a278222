"""Fixtures of the training room: a folder of small pages, and settings that train on it in a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.runs import TINY, MakeConfig, merged
from udsd.training.config import TrainingConfig


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def make_config(pages: Path) -> MakeConfig:
    """Build a tiny run: `TINY` on `pages`, unless sections say otherwise."""

    def make(**sections: Mapping[str, Any]) -> TrainingConfig:
        return TrainingConfig.from_dict(merged(TINY, {"data": {"sharp": [str(pages)]}}, sections))

    return make
