"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained import save_model


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    torch.manual_seed(0)


@pytest.fixture
def model() -> DeblurModel:
    """Small networks with random weights whose output differs from their input."""
    return DeblurModel(ModelConfig(base_width=4, residual_blocks=1)).eval()


@pytest.fixture
def model_folder(model: DeblurModel, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    save_model(model, folder)
    return folder


@pytest.fixture
def photo() -> Image.Image:
    """A colour image with structure, 45 x 37."""
    y, x = np.mgrid[:37, :45]
    channels = [127 + 120 * np.sin(x / 5), 127 + 120 * np.cos(y / 4), (x * y) % 256]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))
