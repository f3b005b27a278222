from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from udsd import ConfigError, Deblurrer, DeviceError, UnknownModelError
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
        ({"device": []}, DeviceError, "unknown device"),
        ({"device": np.array([1, 2])}, DeviceError, "unknown device"),
        ({"device": np.int64(99)}, DeviceError, "99"),
        ({"device": "cpu", "dtype": np.array([1, 2])}, DeviceError, "unknown dtype"),
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


def test_none_is_as_good_as_auto(model: DeblurModel, model_folder: Path) -> None:
    auto = Deblurrer.from_pretrained(model_folder)
    for none in (
        Deblurrer(model, device=None, dtype=None, backend=None),
        Deblurrer.from_pretrained(model_folder, device=None, dtype=None, backend=None),
    ):
        assert (none.device, none.dtype, type(none.backend)) == (auto.device, auto.dtype, type(auto.backend))
    assert Deblurrer(auto.backend, None, None, None, None).backend is auto.backend


@pytest.mark.parametrize("model", ["text", None, 3])
def test_what_is_no_model_is_told_with_the_way_to_load_one(model: Any) -> None:
    with pytest.raises(ConfigError, match=r"is no model; to load one by its name say Deblurrer\.from_pretrained"):
        Deblurrer(model)


@pytest.mark.parametrize("name", [None, 3, b"text", ["text"]])
def test_what_is_no_name_of_a_model_is_told(name: Any) -> None:
    with pytest.raises(UnknownModelError, match="is no name of a model"):
        Deblurrer.from_pretrained(name)


def test_ill_typed_settings_are_told(model_folder: Path, model: DeblurModel) -> None:
    for options in (
        {"revision": 3},
        {"cache_dir": 3},
        {"token": 3},
        {"local_files_only": "no"},
        {"force_download": 1},
        {"backend": []},
        {"memory_limit": np.array([1, 2])},
    ):
        with pytest.raises(ConfigError, match=next(iter(options))):
            Deblurrer.from_pretrained(model_folder, **options)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="folder is None"):
        Deblurrer(model).save_pretrained(None)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_taken(model_folder: Path, photo: Image.Image) -> None:
    loaded = Deblurrer.from_pretrained(
        model_folder,
        device="cpu",
        memory_limit=np.int64(10**9),  # type: ignore[arg-type]
        local_files_only=np.bool_(True),  # type: ignore[arg-type]
    )
    assert loaded.backend.memory_limit == 10**9  # type: ignore[attr-defined]
    assert loaded.deblur(photo, memory_limit=np.float64(1e9)).size == photo.size  # type: ignore[arg-type]


def test_it_says_what_it_is() -> None:
    loaded = Deblurrer.from_pretrained("text-small", device="cpu", dtype="float32")
    assert loaded.licence == "Apache-2.0"
    assert repr(loaded) == (
        "Deblurrer(model='text-small v0.6.0', domain='page', device='cpu', dtype='float32', backend='torch', "
        "licence='Apache-2.0')"
    )
    assert "dtype='bfloat16'" in repr(loaded.to(dtype="bfloat16"))
    shown = loaded._repr_html_()
    assert ElementTree.fromstring(shown).tag == "table"
    for fact in ("text-small v0.6.0", "page", "cpu", "bfloat16", "torch", "Apache-2.0"):
        assert f">{fact}</td>" in shown


def test_what_is_not_known_of_a_model_is_left_out(deblurrer: Deblurrer, model_folder: Path) -> None:
    assert repr(deblurrer) == "Deblurrer(device='cpu', dtype='float32', backend='torch')"
    own = Deblurrer.from_pretrained(model_folder, device="cpu", dtype="float32")
    assert own.licence == ""
    assert repr(own).startswith(f"Deblurrer(model={str(model_folder)!r}, device=")
