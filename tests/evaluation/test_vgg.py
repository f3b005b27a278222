from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from udsd.errors import IncompatibleWeightsError, WeightsError
from udsd.evaluation.vgg import VGG19Features, load_vgg19, reference_image


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {key: 3 * value for key, value in VGG19Features().state_dict().items()}


@pytest.fixture
def weights(tensors: dict[str, Tensor], tmp_path: Path) -> Path:
    path = tmp_path / "vgg19.safetensors"
    safetensors.torch.save_file(tensors | {"conv3_4.bias": torch.zeros(256)}, path)
    return path


def test_features_are_a_quarter_of_the_size() -> None:
    features = VGG19Features()(torch.zeros(2, 3, 17, 24))
    assert features.shape == (2, 256, 4, 6)
    assert (features >= 0).all()  # after the ReLU


def test_names_are_those_of_the_paper() -> None:
    names = [f"conv{name}" for name in ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3")]
    assert list(VGG19Features().state_dict()) == [f"{name}.{kind}" for name in names for kind in ("weight", "bias")]


def test_features_equal_a_plain_formulation(tensors: dict[str, Tensor]) -> None:
    network = VGG19Features(feature_scale=0.5)
    network.load_state_dict(tensors)
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    features = (((image[0].permute(1, 2, 0) + 1) / 2 - mean) / deviation).permute(2, 0, 1)[None]
    for layer in ("1_1", "1_2", "pool", "2_1", "2_2", "pool", "3_1", "3_2", "3_3"):
        if layer == "pool":
            features = F.max_pool2d(features, 2)
        else:
            weight, bias = (tensors[f"conv{layer}.{kind}"] for kind in ("weight", "bias"))
            features = F.relu(F.conv2d(features, weight, bias, padding=1))
    torch.testing.assert_close(network(image), 0.5 * features)


def test_weights_are_frozen_but_gradients_reach_the_image() -> None:
    network = VGG19Features()
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    image = torch.rand(1, 3, 8, 8, requires_grad=True)
    network(image).sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


def test_a_file_is_loaded_and_scaled_to_a_mean_feature_of_one(weights: Path, tensors: dict[str, Tensor]) -> None:
    network = load_vgg19(weights)
    torch.testing.assert_close(network.state_dict()["conv3_3.weight"], tensors["conv3_3.weight"])
    with torch.no_grad():
        assert network(reference_image()).mean().item() == pytest.approx(1, rel=1e-4)


def test_scaled_weights_give_the_same_features(weights: Path, tensors: dict[str, Tensor], tmp_path: Path) -> None:
    larger = tensors | {f"conv3_3.{kind}": 50 * tensors[f"conv3_3.{kind}"] for kind in ("weight", "bias")}
    safetensors.torch.save_file(larger, tmp_path / "larger.safetensors")
    first, second = load_vgg19(weights), load_vgg19(tmp_path / "larger.safetensors")
    assert first.feature_scale == pytest.approx(50 * second.feature_scale, rel=1e-4)
    image = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(first(image), second(image), rtol=1e-4, atol=1e-5)


def test_reference_image_is_fixed_and_in_range() -> None:
    image = reference_image()
    assert image.shape == (1, 3, 128, 128)
    assert image.abs().max() <= 1
    assert 0.3 < image.std() < 0.6
    assert torch.equal(image, reference_image())


def test_missing_tensors_are_named(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    del tensors["conv2_1.bias"]
    tensors["conv3_1.weight"] = torch.zeros(1)
    safetensors.torch.save_file(tensors, tmp_path / "part.safetensors")
    with pytest.raises(IncompatibleWeightsError, match=r"conv2_1\.bias, conv3_1\.weight; give a safetensors file"):
        load_vgg19(tmp_path / "part.safetensors")


def test_untrained_weights_cannot_be_scaled(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    zeros = {key: torch.zeros_like(value) for key, value in tensors.items()}
    safetensors.torch.save_file(zeros, tmp_path / "zeros.safetensors")
    with pytest.raises(IncompatibleWeightsError, match=r"average 0\.0"):
        load_vgg19(tmp_path / "zeros.safetensors")


def test_a_file_that_cannot_be_read_says_what_it_must_hold(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing of the kind")
    for path in (broken, tmp_path / "missing.safetensors", tmp_path):
        with pytest.raises(WeightsError, match=r"conv1_1, .*conv3_3, each with \.weight and \.bias"):
            load_vgg19(path)


TORCHVISION = """
import torch
def vgg19(*, weights, progress):
    assert weights == "IMAGENET1K_V1"
    layers = []
    before = 3
    for after in (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M"):
        if after == "M":
            layers.append(torch.nn.MaxPool2d(2))
            continue
        layers += [torch.nn.Conv2d(before, after, 3, padding=1), torch.nn.ReLU(inplace=True)]
        before = after
    network = torch.nn.Module()
    network.features = torch.nn.Sequential(*layers)
    return network
"""


def install_torchvision(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in on the path: the real one needs 550 MB of weights."""
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").touch()
    (folder / "torchvision" / "models.py").write_text(source)
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(folder))


@pytest.fixture(autouse=True)
def _no_torchvision_left_behind() -> Iterator[None]:
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "torchvision"}
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    sys.modules.update(before)


def test_torchvision_layers_land_under_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_torchvision(tmp_path, TORCHVISION, monkeypatch)
    torch.manual_seed(1)
    network = load_vgg19()
    torch.manual_seed(1)
    stand_in = importlib.import_module("torchvision.models")
    reference = stand_in.vgg19(weights="IMAGENET1K_V1", progress=False).features
    assert network.feature_scale == 1
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    normalised = ((image + 1) / 2 - network.mean) / network.standard_deviation
    with torch.no_grad():
        torch.testing.assert_close(network(image), reference[:16](normalised))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('raise RuntimeError("operator torchvision::nms does not exist")', "torchvision::nms"),
        ('raise ImportError("No module named torchvision")', "No module named"),
        ('def vgg19(**_):\n    raise OSError("urlopen error")', "urlopen error"),
    ],
)
def test_torchvision_that_fails_says_what_to_do(
    source: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_torchvision(tmp_path, source, monkeypatch)
    with pytest.raises(WeightsError, match=rf"{reason}.*pass a safetensors file with conv1_1"):
        load_vgg19()
