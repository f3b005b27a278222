from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.random_models import random_model
from udsd import Deblurrer
from udsd.cli import main
from udsd.errors import ConfigError, ImageError, WeightsError
from udsd.export import _calibration_images, export_onnx, export_openvino
from udsd.models import DeblurModel

# Packages of others: what they do at import is theirs.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def model() -> DeblurModel:
    return random_model(residual_output=True)


def decibels(result: Tensor, expected: Tensor) -> float:
    return float(10 * torch.log10(1 / (result - expected).square().mean().clamp_min(1e-15)))


def test_eight_bits_come_close(tmp_path: Path) -> None:
    with Image.open(Path(__file__).parents[1] / "examples" / "page_blurred.png") as page:
        pieces = [page.convert("RGB").crop((left, 40, left + 200, 168)) for left in (40, 340, 640)]
    exact = Deblurrer.from_pretrained("text-small", device="cpu", dtype="float32")
    assert export_openvino(exact.backend.model, tmp_path / "int8", pieces[:2]) > 45
    restored = Deblurrer.from_pretrained(tmp_path / "int8", dtype="float32").deblur(pieces[2])
    difference = np.abs(np.asarray(restored).astype(int) - np.asarray(exact.deblur(pieces[2])))
    assert 0.01 < difference.mean() < 1  # of 255; none would mean that nothing ran in 8 bits


@pytest.mark.parametrize(
    ("calibration", "error", "message"),
    [
        ([], ConfigError, "no images to calibrate"),
        ([np.zeros((8, 80, 3), np.uint8)], ImageError, "too small to calibrate"),
        (["missing.png"], ImageError, "no image can be used .*; the last: missing.png: no such file"),
    ],
)
def test_calibration_needs_images(
    model: DeblurModel, tmp_path: Path, calibration: list[Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        export_openvino(model, tmp_path / "int8", calibration)
    assert not (tmp_path / "int8").exists()


def test_bad_calibration_images_are_left_out(
    model: DeblurModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Before and between good ones; of 64 that are looked at none is counted."""
    (tmp_path / "broken.png").write_bytes(b"no image")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    dot = np.zeros((8, 80, 3), np.uint8)
    images = _calibration_images([*[tmp_path / "broken.png"] * 70, noise, dot, "missing.png", noise], True)
    assert [image.shape for image in images] == [(1, 3, 64, 64)] * 2
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 72
    assert told[0].startswith(f"left out of the calibration: {tmp_path / 'broken.png'}: not an image")
    assert "too small to calibrate with" in told[70]
    assert "missing.png: no such file" in told[71]


def test_onnx_gives_the_pixels_of_torch(model: DeblurModel, tmp_path: Path) -> None:
    import onnxruntime

    assert export_onnx(model, tmp_path / "onnx") > 90
    assert sorted(path.name for path in (tmp_path / "onnx").iterdir()) == ["config.json", "model.onnx"]
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "model.onnx")
    deblurrer = Deblurrer(model, "cpu", "float32")
    for height, width in ((16, 16), (20, 300), (132, 72)):
        images = torch.rand(2, 3, height, width)
        restored, mean, log_variance = session.run(None, {"image": (images * 2 - 1).numpy()})
        assert decibels((torch.from_numpy(restored) + 1) / 2, deblurrer.deblur(images)) > 80
        for ours, theirs in zip((mean, log_variance), deblurrer.encode_blur(images), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=1e-4)


def test_an_export_that_differs_is_not_written(
    model: DeblurModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("udsd.export._LEAST_AGREEMENT", 1000.0)
    with pytest.raises(WeightsError, match="nothing was written"):
        export_openvino(model, tmp_path / "openvino")
    assert not [*(tmp_path / "openvino").iterdir()]


def test_a_place_that_cannot_be_written_is_named(model: DeblurModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="cannot write the folder"):
        export_onnx(model, tmp_path / "file")


def test_the_command_exports(model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(model_folder), "-o", str(tmp_path / "out"), "--format", "openvino"]) == 0
    assert "dB of PyTorch's float32 results" in capsys.readouterr().out
    assert Deblurrer.from_pretrained(tmp_path / "out").config.base_width == 4
    for options in (
        ["openvino", "--int8"],
        ["openvino", "--calibration", "x"],
        ["onnx", "--int8", "--calibration", "x"],
    ):
        assert main(["export", str(model_folder), "-o", str(tmp_path / "no"), "--format", *options]) == 2
        assert not (tmp_path / "no").exists()
    assert capsys.readouterr().err.count("8 bits") == 1
