from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from udsd import Deblurrer, DeviceError, UnknownModelError
from udsd.models import DeblurModel


@pytest.fixture
def deblurrer(model: DeblurModel) -> Deblurrer:
    return Deblurrer(model, device="cpu", dtype="float32")


def test_save_and_load_give_the_same_result(deblurrer: Deblurrer, photo: Image.Image, tmp_path: Path) -> None:
    deblurrer.save_pretrained(tmp_path / "saved")
    loaded = Deblurrer.from_pretrained(tmp_path / "saved", device="cpu", dtype="float32")
    assert loaded.config == deblurrer.config
    difference = np.asarray(loaded.deblur(photo)).astype(int) - np.asarray(deblurrer.deblur(photo)).astype(int)
    assert np.abs(difference).max() <= 1


def test_bfloat16_is_close_to_float32(deblurrer: Deblurrer, photo: Image.Image) -> None:
    exact = np.asarray(deblurrer.deblur(photo)).astype(float)
    moved = deblurrer.to(dtype="bfloat16")
    assert moved is deblurrer
    assert moved.dtype == torch.bfloat16
    rounded = np.asarray(deblurrer.deblur(photo)).astype(float)
    assert 0 < np.abs(rounded - exact).mean() < 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"device": "tpu"}, DeviceError, "tpu"),
        ({"device": "mps"}, DeviceError, "mps"),
        ({"device": "cuda:99"}, DeviceError, "cuda:99"),
        ({"device": "cpu", "dtype": "float16"}, DeviceError, "float16"),
        ({"device": "cpu", "dtype": "int8"}, DeviceError, "int8"),
        ({"device": "cpu", "dtype": torch.int64}, DeviceError, "int64"),
    ],
)
def test_impossible_devices_and_formats(
    model_folder: Path, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Deblurrer.from_pretrained(model_folder, **options)  # type: ignore[arg-type]


def test_unknown_models_name_the_known_ones() -> None:
    with pytest.raises(UnknownModelError, match="text"):
        Deblurrer.from_pretrained("txet", device="cpu")
