"""Fixtures of the training room: a folder of small pages, and settings that train on it in a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.runs import TINY, MakeConfig, merged
from udsd.training.config import TrainingConfig


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images of dark bars on light paper, 70 x 60."""
    folder = tmp_path_factory.mktemp("pages")
    for number in range(6):
        random = np.random.default_rng(number)
        page = np.full((60, 70, 3), 240, np.uint8)
        for top in range(2, 56, 7):
            ink = np.repeat(random.random(35) < 0.6, 2)
            page[top : top + 4, ink] = 30
        Image.fromarray(page).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def make_config(pages: Path) -> MakeConfig:
    """Build a tiny run: `TINY` on `pages`, unless sections say otherwise."""

    def make(**sections: Mapping[str, Any]) -> TrainingConfig:
        return TrainingConfig.from_dict(merged(TINY, {"data": {"sharp": [str(pages)]}}, sections))

    return make
