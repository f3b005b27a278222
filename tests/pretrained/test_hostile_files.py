"""Model folders that were made to stop, fill or mislead whoever opens them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from udsd.errors import ConfigError, IncompatibleWeightsError, UdsdError, WeightsError
from udsd.evaluation.vgg import VGG19Features, load_vgg19
from udsd.pretrained import load_manifest, load_model, load_model_folder
from udsd.training.checkpoint import TRAINING_STATE, load_training_state
from udsd.training.config import TrainingConfig, parse_setting

TERABYTE = 10**12


def grow(path: Path, size: int = TERABYTE) -> None:
    """A sparse file: it has the size, and takes no room."""
    with path.open("r+b") as file:
        file.truncate(size)


def make_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("kind", ["a named pipe", "a device", "a folder"])
def test_what_is_no_file_is_refused_at_once(model_folder: Path, name: str, kind: str) -> None:
    path = model_folder / name
    path.unlink()
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(IncompatibleWeightsError, match=f"cannot read .*{name} .it is {kind}, not a file"):
        load_model(model_folder)


def test_a_large_configuration_is_not_read(model_folder: Path) -> None:
    grow(model_folder / "config.json")
    with pytest.raises(IncompatibleWeightsError, match=f"it has {TERABYTE} bytes, more than the 1048576 allowed"):
        load_model_folder(model_folder)


@pytest.mark.parametrize("sha256", [None, "0" * 64])
def test_a_terabyte_of_weights_is_neither_hashed_nor_mapped(model_folder: Path, sha256: str | None) -> None:
    grow(model_folder / "model.safetensors")
    with pytest.raises(IncompatibleWeightsError, match=rf"has {TERABYTE} bytes, but a model .* has \d+ at most"):
        load_model_folder(model_folder, sha256=sha256)


def test_a_header_of_a_terabyte(model_folder: Path) -> None:
    path = model_folder / "model.safetensors"
    path.write_bytes(TERABYTE.to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(IncompatibleWeightsError, match="it names a header of 1000000000000 bytes"):
        load_model_folder(model_folder)


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000, '{"format_version": ' + "9" * 5000 + "}"])
def test_json_that_python_cannot_hold(model_folder: Path, text: str) -> None:
    (model_folder / "config.json").write_text(text)
    with pytest.raises(IncompatibleWeightsError, match=r"no valid JSON|no format_version"):
        load_model_folder(model_folder)


@pytest.mark.parametrize("spoil", [make_pipe, grow])
def test_manifest(manifest_file: Path, spoil: Callable[[Path], None]) -> None:
    spoil(manifest_file)
    with pytest.raises(WeightsError, match=r"cannot read the manifest .* \(it (is a named pipe|has \d+ bytes)"):
        load_manifest()


def test_vgg_weights_that_are_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vgg")
    with pytest.raises(WeightsError, match="a named pipe, not a file"):
        load_vgg19(tmp_path / "vgg")


def test_further_tensors_beside_those_of_vgg_are_not_read(tmp_path: Path) -> None:
    path, more = tmp_path / "vgg.safetensors", 3 * 10**9
    network = VGG19Features()
    torch.manual_seed(0)
    tensors = {name: torch.rand_like(tensor) for name, tensor in network.state_dict().items()}
    data = safetensors.torch.save(tensors)
    length = int.from_bytes(data[:8], "little")
    end = len(data) - 8 - length
    header = data[8 : 8 + length].rstrip()[:-1] + (
        f',"zz":{{"dtype":"U8","shape":[{more}],"data_offsets":[{end},{end + more}]}}}}'.encode()
    )
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + length :])
    grow(path, 8 + len(header) + end + more)
    assert torch.equal(load_vgg19(path).state_dict()["conv3_3.bias"], tensors["conv3_3.bias"])
    grow(path)
    with pytest.raises(WeightsError, match="larger than any VGG-19"):
        load_vgg19(path)


@pytest.mark.parametrize("spoil", [make_pipe, grow])
def test_training_state(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    (tmp_path / TRAINING_STATE).touch()
    spoil(tmp_path / TRAINING_STATE)
    with pytest.raises(WeightsError, match=r"a named pipe, not a file|larger than any training state"):
        load_training_state(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 8_000 + "]" * 8_000,
        "a" + ".a" * 8_000 + " = 1",
        "[" + "a." * 8_000 + "a]",
        "a = " + "{b=" * 4_000 + "1" + "}" * 4_000,
        "run.seed = " + "9" * 5_000,
        "#" * 70_000,
    ],
    ids=["lists", "keys", "tables", "inline tables", "digits", "size"],
)
def test_recipe_that_would_take_the_machine(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(ConfigError, match="cannot read the recipe"):
        TrainingConfig.from_toml(tmp_path / "recipe.toml")


def test_recipe_that_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "recipe.toml")
    with pytest.raises(ConfigError, match="it is a named pipe, not a file"):
        TrainingConfig.from_toml(tmp_path / "recipe.toml")


@pytest.mark.parametrize("value", ["[" * 5_000, "9" * 5_000, "{a=" * 5000])
def test_setting_that_is_a_bomb(value: str) -> None:
    section, key, parsed = parse_setting(f"run.seed={value}")
    assert (section, key, parsed) == ("run", "seed", value)
    with pytest.raises(UdsdError):
        TrainingConfig.from_dict({section: {key: parsed}})
