"""Model folders: what is written comes back, and nothing else is taken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from udsd.errors import ChecksumError, IncompatibleWeightsError, WeightsError
from udsd.models import DeblurModel
from udsd.pretrained import load_model_folder, read_config, save_model, write_config

MakeModel = Callable[..., DeblurModel]
NAME = "content_encoder.stem.weight"


def test_round_trip_in_float32_is_exact(tmp_path: Path, make_model: MakeModel) -> None:
    model = make_model(residual_output=True, blur_code_size=3).eval()
    save_model(model, tmp_path, half=False)
    loaded = load_model_folder(tmp_path)
    image = torch.rand(1, 3, 19, 22) * 2 - 1
    assert loaded.config == model.config
    assert torch.equal(loaded(image), model(image))


def test_loaded_model_is_ready_for_inference(model_folder: Path) -> None:
    model = load_model_folder(model_folder)
    assert not model.training
    for parameter in model.parameters():
        assert (parameter.dtype, parameter.device.type, parameter.requires_grad) == (torch.float32, "cpu", False)


def test_loading_draws_no_random_numbers(model_folder: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    load_model_folder(model_folder)
    assert torch.equal(torch.rand(3), expected)


def test_loaded_weights_do_not_depend_on_the_file(tmp_path: Path, make_model: MakeModel) -> None:
    save_model(make_model(), tmp_path, half=False)
    model = load_model_folder(tmp_path)
    before = model.state_dict()[NAME].clone()
    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.write(b"\0" * (tmp_path / "model.safetensors").stat().st_size)
    assert torch.equal(model.state_dict()[NAME], before)


def test_files_written(model_folder: Path) -> None:
    assert sorted(path.name for path in model_folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    config = json.loads((model_folder / "config.json").read_text())
    assert config["format_version"] == 1
    assert config["model"]["base_width"] == 4
    with safe_open(model_folder / "model.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "pt", "udsd_format": "1"}
    assert "unknown" in (model_folder / "README.md").read_text()


def test_card(model_folder: Path, make_model: MakeModel) -> None:
    save_model(make_model(), model_folder, card="# Mine\n")
    assert (model_folder / "README.md").read_text() == "# Mine\n"
    save_model(make_model(), model_folder)
    assert (model_folder / "README.md").read_text() == "# Mine\n"


def test_unwritable_folder(tmp_path: Path, make_model: MakeModel) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match="cannot write the model folder"):
        save_model(make_model(), tmp_path / "file" / "model")


def test_failed_write_leaves_the_old_model(model_folder: Path, make_model: MakeModel) -> None:
    before = (model_folder / "config.json").read_bytes()
    weights = model_folder / "model.safetensors"
    weights.unlink()
    weights.mkdir()
    with pytest.raises(WeightsError):
        save_model(make_model(base_width=8), model_folder)
    assert (model_folder / "config.json").read_bytes() == before
    assert sorted(path.name for path in model_folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]


def test_checksum(model_folder: Path) -> None:
    right = hashlib.sha256((model_folder / "model.safetensors").read_bytes()).hexdigest()
    load_model_folder(model_folder, sha256=right.upper())
    with pytest.raises(ChecksumError, match=f"{right}, expected {'0' * 64}"):
        load_model_folder(model_folder, sha256="0" * 64)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("sha256", [None, "0" * 64])
def test_missing_file(model_folder: Path, name: str, sha256: str | None) -> None:
    (model_folder / name).unlink()
    with pytest.raises(IncompatibleWeightsError, match=f"{name} is missing in .*a model folder holds config.json"):
        load_model_folder(model_folder, sha256=sha256)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_folder_in_place_of_a_file(model_folder: Path, name: str) -> None:
    (model_folder / name).unlink()
    (model_folder / name).mkdir()
    with pytest.raises(IncompatibleWeightsError, match=name):
        load_model_folder(model_folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no valid JSON"),
        ('{"format_version": 1, "mod', "no valid JSON"),
        ("[" * 100_000, "no valid JSON"),
        ("\udcff", "no valid JSON"),
        ("[]", "no udsd model"),
        ('{"model_type": "bert"}', "no udsd model"),
        ('{"format_version": 2, "model": {}}', "has format_version 2, but this udsd reads 1"),
        ('{"format_version": true, "model": {}}', "has format_version True"),
        ('{"format_version": 1}', "nothing else"),
        ('{"format_version": 1, "model": []}', "nothing else"),
        ('{"format_version": 1, "model": {}, "more": 1}', "nothing else"),
        ('{"format_version": 1, "model": {"depth": 3}}', r"unknown setting depth; did you mean"),
        ('{"format_version": 1, "model": {"base_width": 100000000}}', "base_width is 100000000"),
        ('{"format_version": 1, "model": {"base_width": "4"}}', "base_width is '4'"),
    ],
)
def test_broken_config(model_folder: Path, text: str, message: str) -> None:
    (model_folder / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(IncompatibleWeightsError, match=message) as caught:
        load_model_folder(model_folder)
    assert "\n" not in str(caught.value)


def test_config_of_another_width(model_folder: Path) -> None:
    config = json.loads((model_folder / "config.json").read_text())
    config["model"]["base_width"] = 256
    (model_folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(IncompatibleWeightsError, match=r"wrong shape: .* and .* more"):
        load_model_folder(model_folder)


def test_a_configuration_alone_can_be_written(tmp_path: Path, model: DeblurModel) -> None:
    write_config(model.config, tmp_path / "exported")
    assert read_config(tmp_path / "exported") == model.config
    assert [path.name for path in (tmp_path / "exported").iterdir()] == ["config.json"]
