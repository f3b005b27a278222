"""Model folders: what is written comes back, and nothing else is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from udsd.errors import IncompatibleWeightsError
from udsd.models import DeblurModel
from udsd.pretrained import load_model_folder, save_model

MakeModel = Callable[..., DeblurModel]
NAME = "content_encoder.stem.weight"


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    change(tensors)
    safetensors.torch.save_file(tensors, folder / "model.safetensors")


def drop(tensors: dict[str, Any]) -> None:
    for name in [name for name in tensors if name.startswith("blur_encoder")]:
        del tensors[name]


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


def test_bfloat16_is_taken(model_folder: Path) -> None:
    rewrite(model_folder, lambda tensors: tensors.update({NAME: tensors[NAME].bfloat16()}))
    assert load_model_folder(model_folder).state_dict()[NAME].dtype == torch.float32


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


def test_of_many_tensors_a_few_are_named_and_the_others_counted(tmp_path: Path, make_model: MakeModel) -> None:
    model = make_model()
    count = len(model.state_dict())
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, float("nan"))
    with pytest.raises(IncompatibleWeightsError, match=rf"NaN or infinite weights \(.*, .*, .* and {count - 3} more\)"):
        save_model(model, tmp_path / "broken")


def test_three_tensors_are_all_named(tmp_path: Path, make_model: MakeModel) -> None:
    model = make_model()
    for parameter in list(model.parameters())[:3]:
        torch.nn.init.constant_(parameter, float("nan"))
    with pytest.raises(IncompatibleWeightsError, match=r"NaN or infinite weights \([^,]+, [^,]+, [\w.]+\); use"):
        save_model(model, tmp_path / "broken")
