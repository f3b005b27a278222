from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.random_models import random_model
from udsd import Deblurrer
from udsd.errors import ConfigError, DeviceError, ImageError, MemoryLimitError, WeightsError
from udsd.export import export_openvino
from udsd.extras import install_command
from udsd.inference.openvino_backend import OpenVINOBackend
from udsd.models import DeblurModel
from udsd.pretrained import resolve

# Packages of others: what they do at import is theirs.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


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
        assert install_command("openvino") in done.stderr
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


def replaced(name: str, old: str, new: str) -> Any:
    def spoil(folder: Path) -> None:
        path = folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return spoil


def pipe(name: str) -> Any:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return spoil


def resized(change: int) -> Any:
    def spoil(folder: Path) -> None:
        path = folder / "openvino_model.bin"
        os.truncate(path, path.stat().st_size + change)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (pipe("openvino_model.bin"), "it is a named pipe, not a file"),
        (lambda folder: (folder / "openvino_model.bin").unlink(), "No such file"),
        (resized(-4), r"openvino_model\.bin has \d+ bytes, \d+ belong to this graph"),
        (resized(10**12), r"openvino_model\.bin has 1\d{12} bytes, \d+ belong to this graph"),
        (lambda folder: os.truncate(folder / "openvino_model.xml", 10**12), "more than the 16777216 allowed"),
        (
            replaced("openvino_model.xml", "<net ", '<!DOCTYPE net [<!ENTITY a SYSTEM "file:///etc/passwd">]><net '),
            "it is no XML as OpenVINO writes it",
        ),
        (lambda folder: (folder / "openvino_model.xml").write_bytes(b"\x08\x07onnx"), "it is no XML"),
        (replaced("openvino_model.xml", 'type="PReLU"', 'type="Backdoor"'), "cannot be read"),
        (replaced("openvino_model.xml", 'names="restored"', 'names="other"'), "no model exported by udsd"),
        (
            replaced("openvino_model.xml", '<data element_type="f32" shape="', '<data element_type="f32" shape="9, '),
            "cannot be read",
        ),
    ],
)
def test_a_graph_that_is_not_ours_is_refused(openvino_folder: Path, tmp_path: Path, spoil: Any, message: str) -> None:
    folder = shutil.copytree(openvino_folder, tmp_path / "model")
    spoil(folder)
    with pytest.raises(WeightsError, match=message):
        Deblurrer.from_pretrained(folder)


def foreign_graph(make_result: Callable[[Any, Any], Any], shape: tuple[int, ...] = (-1, 3, -1, -1)) -> Any:
    """A graph with inputs and outputs of the names and ranks that ours has; ``make_result(opset, image)`` is of any."""
    import openvino
    from openvino import opset15

    image = opset15.parameter(openvino.PartialShape([*shape]), np.float32)
    code = opset15.reduce_mean(image, np.array([2, 3]), False)
    graph = openvino.Model([make_result(opset15, image), code, opset15.abs(code)], [image], "foreign")
    graph.inputs[0].get_tensor().set_names({"image"})
    for output, name in zip(graph.outputs, ("restored", "blur_mean", "blur_log_variance"), strict=True):
        output.get_tensor().set_names({name})
    return graph


@pytest.mark.parametrize(
    ("graph", "error", "message"),
    [
        (
            lambda: foreign_graph(
                lambda ops, image: ops.binary_convolution(
                    image, np.ones((3, 3, 1, 1), np.uint8), [1, 1], [0, 0], [0, 0], [1, 1], "xnor-popcount", 0.0
                )
            ),
            WeightsError,
            "OpenVINO failed on the model .*export the model again, or use backend='torch'",
        ),
        (
            lambda: foreign_graph(lambda ops, image: ops.relu(image), (1, 3, 16, 16)),
            ImageError,
            "OpenVINO failed on an image of 30 x 20 pixels .*export the model again",
        ),
        (
            lambda: foreign_graph(lambda ops, image: ops.reshape(image, np.array([1, 3, 5, -1]), False)),
            ImageError,
            "the result has the shape .1, 3, 5, 128., not .1, 3, 20, 32.",
        ),
    ],
)
def test_a_graph_that_cannot_be_run_gives_an_error_of_ours(
    openvino_folder: Path, tmp_path: Path, graph: Any, error: type[Exception], message: str
) -> None:
    import openvino

    folder = shutil.copytree(openvino_folder, tmp_path / "model")
    openvino.save_model(graph(), folder / "openvino_model.xml", compress_to_fp16=False)
    with pytest.raises(error, match=message):
        Deblurrer.from_pretrained(folder).deblur(np.arange(1800, dtype=np.uint8).reshape(20, 30, 3))


def test_memory_that_runs_out_in_openvino_is_told_as_that(
    openvino_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        def create_infer_request(self) -> Any:
            raise RuntimeError("Exception from src/inference: std::bad_alloc")

    backend = OpenVINOBackend.from_folder(resolve(openvino_folder), torch.device("cpu"), torch.float32)
    monkeypatch.setattr(backend, "_compiled", Refusing())
    with pytest.raises(MemoryLimitError, match="an image of 30 x 20 pixels needs more memory than there is"):
        backend.encode_blur(torch.zeros(1, 3, 20, 30))
