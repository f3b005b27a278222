"""Flat images, by whose grey levels crops tell which image they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from udsd.degradation import BlurConfig
from udsd.training.crops import Crops
from udsd.training.data import TrainingCrops
from udsd.training.data_config import DataConfig

NO_BLUR = BlurConfig(path_length=(0.0, 0.0), noise=(0.0, 0.0))
LEVELS = range(10, 250, 40)
"""Grey levels of six flat images, by which crops tell where they come from."""


def save(path: Path, pixels: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def save_flat(folder: Path, levels: range | list[int]) -> Path:
    for level in levels:
        save(folder / f"{level:03d}.png", np.full((40, 40, 3), level, np.uint8))
    return folder


def crops_of(
    *sharp: Path, blurred: tuple[Path, ...] = (), blur: BlurConfig = NO_BLUR, seed: int = 0, **settings: Any
) -> TrainingCrops:
    folders: dict[str, Any] = {"sharp": tuple(map(str, sharp)), "blurred": tuple(map(str, blurred))}
    config = DataConfig(**({"crop_size": 16, "batch_size": 40} | folders | settings))
    return TrainingCrops(config, blur, seed)


def levels_in(crops: Crops) -> set[int]:
    middle = crops.pixels.shape[-1] // 2
    return set(crops.pixels[:, 0, middle, middle].tolist())
