from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from udsd import Deblurrer
from udsd.cli import main
from udsd.errors import ConfigError, DeviceError, ImageError, MemoryLimitError, WeightsError
from udsd.export import export_onnx, export_openvino
from udsd.models import DeblurModel, ModelConfig

# Packages of others: what they do at import is theirs.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def random_model(*, residual_output: bool) -> DeblurModel:
    torch.manual_seed(0)
    model = DeblurModel(ModelConfig(base_width=4, residual_blocks=1, residual_output=residual_output)).eval()
    torch.nn.init.normal_(model.generator.to_image.weight, std=0.2)
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def model() -> DeblurModel:
    return random_model(residual_output=True)


@pytest.fixture(scope="module")
def openvino_folder(model: DeblurModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "openvino"
    assert export_openvino(model, folder) > 90
    return folder


def decibels(result: Tensor, expected: Tensor) -> float:
    return float(10 * torch.log10(1 / (result - expected).square().mean().clamp_min(1e-15)))


def test_openvino_gives_the_pixels_of_torch_at_any_size(model: DeblurModel, openvino_folder: Path) -> None:
    assert sorted(path.name for path in openvino_folder.iterdir()) == [
        "config.json",
        "openvino_model.bin",
        "openvino_model.xml",
    ]
    exported = Deblurrer.from_pretrained(openvino_folder, dtype="float32")
    torch_model = Deblurrer(model, "cpu", "float32")
    assert exported.config == model.config
    for height, width in ((1, 2), (13, 7), (16, 16), (61, 103), (240, 33)):
        images = torch.rand(2, 3, height, width)
        assert decibels(exported.deblur(images), torch_model.deblur(images)) > 80, (height, width)
        for ours, theirs in zip(exported.encode_blur(images), torch_model.encode_blur(images), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_a_model_is_converted_when_openvino_is_asked_for(photo: Image.Image) -> None:
    model = random_model(residual_output=False)
    expected = Deblurrer(model, "cpu", "float32").deblur(np.asarray(photo))
    given = Deblurrer(model, dtype="float32", backend="openvino").deblur(np.asarray(photo))
    assert np.abs(given.astype(int) - expected).max() <= 1


def test_threads_share_an_openvino_model(openvino_folder: Path) -> None:
    deblurrer = Deblurrer.from_pretrained(openvino_folder, dtype="float32")
    images = [torch.rand(1, 3, 40 + 4 * index, 48) for index in range(6)]
    expected = [deblurrer.deblur(image) for image in images]
    with ThreadPoolExecutor(3) as pool:
        for given, wanted in zip(pool.map(deblurrer.deblur, images * 3), expected * 3, strict=True):
            torch.testing.assert_close(given, wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda deblurrer, image: deblurrer.sample(image, 2), ConfigError, "use backend='torch'"),
        (lambda deblurrer, image: deblurrer.save_pretrained("x"), ConfigError, "cannot be saved"),
        (lambda deblurrer, image: deblurrer.deblur(image, memory_limit="1kB"), MemoryLimitError, "in one piece"),
        (lambda deblurrer, image: deblurrer.deblur(image, memory_limit="much"), ConfigError, "memory_limit is 'much'"),
    ],
)
def test_what_openvino_cannot_do_is_refused(
    openvino_folder: Path, use: Any, error: type[Exception], message: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        use(Deblurrer.from_pretrained(openvino_folder), torch.rand(3, 64, 64))
    assert not [*tmp_path.iterdir()]


def test_openvino_runs_on_the_cpu_alone(openvino_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deblurrer = Deblurrer.from_pretrained(openvino_folder)
    assert deblurrer.to(dtype="float32").dtype == torch.float32
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert Deblurrer.from_pretrained(openvino_folder).device.type == "cpu"
    with pytest.raises(DeviceError, match="runs on the CPU, not on cuda"):
        Deblurrer.from_pretrained(openvino_folder, device="cuda")
    with pytest.raises(DeviceError, match="runs on the CPU, not on cuda"):
        deblurrer.to("cuda")


def test_an_unknown_backend_is_named(model: DeblurModel, openvino_folder: Path) -> None:
    with pytest.raises(ConfigError, match="backend is 'tensorrt'; give one of auto, torch, openvino"):
        Deblurrer(model, backend="tensorrt")  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match=r"model\.safetensors is missing"):
        Deblurrer.from_pretrained(openvino_folder, backend="torch")


WITHOUT_OPENVINO = """
import sys
sys.modules["openvino"] = None
from udsd.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_backend_that_is_not_installed_is_named(
    model_folder: Path, openvino_folder: Path, photo: Image.Image, tmp_path: Path
) -> None:
    photo.save(tmp_path / "photo.png")
    for options in (["--model", model_folder, "--backend", "openvino"], ["--model", openvino_folder]):
        command = [sys.executable, "-c", WITHOUT_OPENVINO, "deblur", tmp_path / "photo.png", "-o", tmp_path / "out"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "pip install 'udsd[openvino]'" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_damaged_export_is_refused(openvino_folder: Path, tmp_path: Path) -> None:
    for name in ("openvino_model.xml", "config.json"):
        (tmp_path / name).write_bytes((openvino_folder / name).read_bytes())
    (tmp_path / "openvino_model.xml").write_text("<net>")
    with pytest.raises(WeightsError, match=r"openvino_model\.xml cannot be read .*export the model again"):
        Deblurrer.from_pretrained(tmp_path)


def test_openvino_keeps_its_digits_in_the_sums_over_a_large_image(model: DeblurModel, openvino_folder: Path) -> None:
    image = torch.rand(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(0)) * 2 - 1
    result = Deblurrer.from_pretrained(openvino_folder, dtype="float32").backend.restore(image)
    assert decibels(result, Deblurrer(model, "cpu", "float32").backend.restore(image)) > 105


def test_eight_bits_come_close(tmp_path: Path) -> None:
    with Image.open(Path(__file__).parents[1] / "examples" / "page_blurred.png") as page:
        pieces = [page.convert("RGB").crop((left, 40, left + 200, 168)) for left in (40, 340, 640)]
    exact = Deblurrer.from_pretrained("text", device="cpu", dtype="float32")
    assert export_openvino(exact.backend.model, tmp_path / "int8", pieces[:2]) > 45
    restored = Deblurrer.from_pretrained(tmp_path / "int8", dtype="float32").deblur(pieces[2])
    difference = np.abs(np.asarray(restored).astype(int) - np.asarray(exact.deblur(pieces[2])))
    assert 0.01 < difference.mean() < 1  # of 255; none would mean that nothing ran in 8 bits


@pytest.mark.parametrize(
    ("calibration", "error", "message"),
    [
        ([], ConfigError, "no images to calibrate"),
        ([np.zeros((8, 80, 3), np.uint8)], ImageError, "too small to calibrate"),
        (["missing.png"], ImageError, "no such file"),
    ],
)
def test_calibration_needs_images(
    model: DeblurModel, tmp_path: Path, calibration: list[Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        export_openvino(model, tmp_path / "int8", calibration)
    assert not (tmp_path / "int8").exists()


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
