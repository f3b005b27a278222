"""Model folders: what is written comes back, and nothing else is taken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from safetensors import safe_open

from udsd.errors import ChecksumError, IncompatibleWeightsError, WeightsError
from udsd.models import DeblurModel
from udsd.pretrained import load_model_folder, save_model

MakeModel = Callable[..., DeblurModel]
NAME = "content_encoder.stem.weight"


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    change(tensors)
    safetensors.torch.save_file(tensors, folder / "model.safetensors")


def test_round_trip_in_float32_is_exact(tmp_path: Path, make_model: MakeModel) -> None:
    model = make_model(residual_output=True, blur_code_size=3).eval()
    save_model(model, tmp_path, half=False)
    loaded = load_model_folder(tmp_path)
    image = torch.rand(1, 3, 19, 22) * 2 - 1
    assert loaded.config == model.config
    assert torch.equal(loaded(image), model(image))


def test_round_trip_in_half_precision(tmp_path: Path, make_model: MakeModel) -> None:
    model = make_model()
    save_model(model, tmp_path)
    loaded = load_model_folder(tmp_path).state_dict()
    for name, weight in model.state_dict().items():
        # Below 2^-14 float16 has a fixed step of 2^-24, of which rounding loses half.
        allowed = torch.clamp(weight.abs() * 2**-11, min=2**-25)
        assert bool(((loaded[name] - weight).abs() <= allowed).all()), name
    assert any(not torch.equal(loaded[name], weight) for name, weight in model.state_dict().items())


def test_half_precision_halves_the_file(tmp_path: Path, make_model: MakeModel) -> None:
    save_model(make_model(), tmp_path / "half")
    save_model(make_model(), tmp_path / "full", half=False)
    half, full = ((tmp_path / kind / "model.safetensors").stat().st_size for kind in ("half", "full"))
    assert half < 0.75 * full


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


def test_bfloat16_is_taken(model_folder: Path) -> None:
    rewrite(model_folder, lambda tensors: tensors.update({NAME: tensors[NAME].bfloat16()}))
    assert load_model_folder(model_folder).state_dict()[NAME].dtype == torch.float32


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


def test_same_weights_give_the_same_bytes(tmp_path: Path, make_model: MakeModel) -> None:
    model = make_model()
    written = set()
    # The order of the metadata is what would vary, at random: each time it is one of two.
    for _ in range(12):
        save_model(model, tmp_path)
        written.add((tmp_path / "model.safetensors").read_bytes())
    assert len(written) == 1
    assert written.pop()[8:].startswith(b'{"__metadata__":{"format":"pt","udsd_format":"1"},')


@pytest.mark.parametrize(("value", "half"), [(float("nan"), True), (float("inf"), False), (1e6, True)])
def test_unusable_weights_are_not_written(tmp_path: Path, make_model: MakeModel, value: float, half: bool) -> None:
    model = make_model()
    model.state_dict()["generator.to_image.bias"][0] = value
    with pytest.raises(IncompatibleWeightsError, match=r"generator\.to_image\.bias"):
        save_model(model, tmp_path / "out", half=half)
    assert not (tmp_path / "out").exists()


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
        ('{"format_version": 1, "model": {"depth": 3}}', r"unknown key\(s\) depth"),
        ('{"format_version": 1, "model": {"base_width": 100000000}}', "base_width is 100000000"),
        ('{"format_version": 1, "model": {"base_width": "4"}}', "base_width is '4'"),
    ],
)
def test_broken_config(model_folder: Path, text: str, message: str) -> None:
    (model_folder / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(IncompatibleWeightsError, match=message) as caught:
        load_model_folder(model_folder)
    assert "\n" not in str(caught.value)


def drop(tensors: dict[str, Any]) -> None:
    for name in [name for name in tensors if name.startswith("blur_encoder")]:
        del tensors[name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop, r"missing: blur_encoder\.stages\.0\.bias, .* and \d+ more"),
        (lambda tensors: tensors.update(extra=torch.zeros(2)), "unexpected: extra"),
        (lambda tensors: tensors.update({NAME: torch.zeros(4, 3, 7, 5)}), r"wrong shape: .*\[4, 3, 7, 5\] instead of"),
        (lambda tensors: tensors.update({NAME: tensors[NAME].double()}), f"number format .*: {NAME} F64"),
        (lambda tensors: tensors.update({NAME: tensors[NAME].to(torch.int32)}), f"number format .*: {NAME} I32"),
        (lambda tensors: tensors[NAME].view(-1)[5].fill_(float("nan")), f"NaN or infinite weights .{NAME}"),
        (lambda tensors: tensors[NAME].view(-1)[5].fill_(float("-inf")), f"NaN or infinite weights .{NAME}"),
    ],
)
def test_weights_that_do_not_fit(
    model_folder: Path, change: Callable[[dict[str, torch.Tensor]], object], message: str
) -> None:
    rewrite(model_folder, change)
    with pytest.raises(IncompatibleWeightsError, match=message):
        load_model_folder(model_folder)


def test_config_of_another_width(model_folder: Path) -> None:
    config = json.loads((model_folder / "config.json").read_text())
    config["model"]["base_width"] = 256
    (model_folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(IncompatibleWeightsError, match=r"wrong shape: .* and .* more"):
        load_model_folder(model_folder)


@pytest.mark.parametrize("part", [0.0, 0.00002, 0.01, 0.5, 0.999])
def test_truncated_weights(model_folder: Path, part: float) -> None:
    path = model_folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(IncompatibleWeightsError, match="truncated or no safetensors file"):
        load_model_folder(model_folder)


def test_pickle_is_never_opened(model_folder: Path) -> None:
    torch.save({NAME: torch.zeros(1)}, model_folder / "model.safetensors")
    with pytest.raises(IncompatibleWeightsError, match="no safetensors file"):
        load_model_folder(model_folder)
