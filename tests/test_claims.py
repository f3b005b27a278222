"""benchmarks/claims.py, which puts the paper's claims to the test."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from udsd.degradation import apply_kernels

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
MODULES = ("claims", "claims_probes", "claims_report", "claims_runs", "claims_transfer")


@pytest.fixture(scope="module")
def claims() -> Iterator[dict[str, ModuleType]]:
    """The script and its parts, which import each other by name, with sizes that take a moment."""
    sys.path.insert(0, str(BENCHMARKS))
    modules = {name: importlib.import_module(name) for name in MODULES}
    sizes = {("claims_probes", "CONTENTS"): 4, ("claims_probes", "BLURS"): 3, ("claims_probes", "RESTORED"): 3}
    sizes |= {("claims_transfer", "PAIRS"): 5, ("claims_probes", "SIDE"): 32}
    with pytest.MonkeyPatch.context() as patch:
        for (module, name), value in sizes.items():
            patch.setattr(modules[module], name, value)
        yield modules
    sys.path.remove(str(BENCHMARKS))
    for name in MODULES:
        del sys.modules[name]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for number in range(20):
        noise = np.random.default_rng(number).integers(0, 256, (60, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture
def run(claims: dict[str, ModuleType], images: Path, tmp_path: Path) -> Callable[..., int]:
    def main(*more: str) -> int:
        sizes = "--models --seeds 2 --width 4 --crop 32 --batch 2 --lengths 1 5 --crops 8"
        steps = "--warm-steps 1 --transfer-steps 2 --steps 2"
        words = ["--sharp", str(images), "-o", str(tmp_path / "out"), *sizes.split(), *steps.split(), *more]
        found: int = claims["claims"].main(words)
        return found

    return main


def test_a_small_run_answers_all_questions_and_is_not_done_twice(
    run: Callable[..., int],
    claims: dict[str, ModuleType],
    model_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run("--models", str(model_folder)) == 0
    out = tmp_path / "out"
    results = json.loads((out / "claims.json").read_text())
    kinds = ["untrained", "warm start, KL 0.01", "warm start, KL 0.0001", "warm start, KL 0"]
    assert set(results["codes"]) == {
        "estimator",
        str(model_folder),
        *(f"{kind}/{seed}" for kind in kinds for seed in (0, 1)),
    }
    assert set(results["transfer"]) == {"estimator", "network", "path"}
    ablations = ("whole", "no blur encoder", "no KL", "no cycle")
    assert set(results["ablation"]) == {f"{name}/{seed}" for name in ablations for seed in (0, 1)}
    for part in ("codes", "transfer", "ablation"):
        for figures in results[part].values():
            assert all(np.isfinite(value) for value in figures.values())
    assert "neighbours_length_r2" not in results["ablation"]["no blur encoder/0"]  # it has no code to look into
    for blur in ("estimator", "network", "path"):
        with Image.open(out / f"transfer-{blur}.png") as picture:
            assert picture.width > 4 * 32
    shown = capsys.readouterr().out
    assert (out / "claims.md").read_text().strip() in shown
    assert "| no perceptual loss | not applicable" in shown
    trained_on = (out / "training.txt").read_text().splitlines()
    assert len(trained_on) == 16
    assert not any(Path(line).stem in ("00", "05", "10", "15") for line in trained_on)

    monkeypatch.setattr(claims["claims"], "train_run", None)
    assert run() == 0
    assert json.loads((out / "claims.json").read_text()) == results


def test_a_run_that_was_stopped_goes_on(
    run: Callable[..., int],
    claims: dict[str, ModuleType],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, steps = claims["claims_runs"].train, []

    def stopped(*arguments: Any, **options: Any) -> Any:
        options["recipe"] = type(options["recipe"]).from_dict(
            options["recipe"].to_dict() | {"run": {**options["recipe"].to_dict()["run"], "log_every": 1}}
        )
        return train(*arguments, **options, callback=lambda update: steps.append(update.step) or True)

    assert run("--parts", "codes") == 0
    with monkeypatch.context() as patch:
        patch.setattr(claims["claims_runs"], "train", stopped)
        assert run("--parts", "ablation") == 130
    assert "goes on" in capsys.readouterr().err
    assert steps == [1]
    results = json.loads((tmp_path / "out" / "claims.json").read_text())
    assert len(results["codes"]) == 9
    assert not results["ablation"]
    assert run("--parts", "ablation", "--seeds", "1") == 0
    results = json.loads((tmp_path / "out" / "claims.json").read_text())
    assert set(results["ablation"]) == {f"{name}/0" for name in ("whole", "no blur encoder", "no KL", "no cycle")}
    assert len(results["codes"]) == 9


def test_other_settings_and_too_few_images_are_refused(
    run: Callable[..., int],
    claims: dict[str, ModuleType],
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--parts", "codes", "--seeds", "1") == 0
    assert run("--parts", "codes", "--steps", "3") == 2
    assert "is of other settings" in capsys.readouterr().err
    fewer = tmp_path / "fewer.txt"
    fewer.write_text("".join(f"{path}\n" for path in sorted(images.iterdir())[1:]))
    assert claims["claims"].main(["--sharp", str(fewer), "-o", str(tmp_path / "other")]) == 2
    assert "19 image(s); give at least 20" in capsys.readouterr().err


class MotionCode(nn.Module):
    """A model whose codes were known before."""

    def __init__(self, codes: Tensor) -> None:
        super().__init__()
        self.codes = codes

    def encode_blur(self, images: Tensor) -> tuple[Tensor, Tensor]:
        taken, self.codes = self.codes[: len(images)], self.codes[len(images) :]
        return taken, taken


def test_probes_read_a_code_that_tells_the_blur_and_not_one_that_tells_nothing(
    claims: dict[str, ModuleType], images: Path
) -> None:
    probes = claims["claims_probes"]
    crops = probes.BlurredCrops(sorted(images.iterdir()), (1.0, 9.0), balance_white=False)
    probe = probes.Probe(crops, 200)
    grid_lengths, grid_angles = (np.tile(values, probes.CONTENTS) for values in crops.motions(probes.BLURS, 4))
    motions = [crops.motions(200, 1), crops.motions(100, 2), (grid_lengths, grid_angles)]
    codes = np.concatenate([probes._targets(*motion) for motion in motions])
    told = probe.measure(MotionCode(torch.from_numpy(codes)))
    assert told["linear_length_r2"] > 0.999
    assert told["linear_angle_error"] < 0.5
    assert told["neighbours_length_r2"] > 0.9
    assert told["neighbours_angle_error"] < 6
    assert told["blur_found"] == told["blur_first"] == 1
    assert told["content_found"] == pytest.approx(1 / probes.CONTENTS)  # all contents are equally near
    assert told["blur_share"] == pytest.approx(1)

    nothing = probe.measure(MotionCode(torch.from_numpy(np.random.default_rng(0).normal(size=codes.shape))))
    assert nothing["linear_length_r2"] < 0.1
    assert 30 < nothing["linear_angle_error"] < 60


def test_codes_of_the_content_alone_find_the_content(claims: dict[str, ModuleType]) -> None:
    codes = np.random.default_rng(0).normal(size=(6, 1, 3)).repeat(5, axis=1)
    found = claims["claims_probes"].disentanglement(codes)
    assert found["content_found"] == 1
    assert found["content_share"] == pytest.approx(1)
    assert found["blur_share"] == pytest.approx(0)
    assert found["blur_first"] == 0
    assert found["blur_found"] == pytest.approx(1 / 5)


@pytest.mark.parametrize(("length", "angle"), [(8.0, 0.0), (8.0, 90.0), (6.0, 30.0)])
def test_kernels_have_their_length_and_angle(
    claims: dict[str, ModuleType], images: Path, length: float, angle: float
) -> None:
    crops = claims["claims_probes"].BlurredCrops(sorted(images.iterdir()), (1.0, 9.0), balance_white=False)
    (kernel,) = crops.kernels(np.array([length]), np.array([angle])).double().numpy()
    rows, columns = np.indices(kernel.shape) - kernel.shape[0] // 2
    spread = np.array([[(kernel * a * b).sum() for b in (columns, rows)] for a in (columns, rows)])
    (_, largest), directions = np.linalg.eigh(spread)
    assert np.sqrt(12 * largest) == pytest.approx(length, rel=0.05)
    x, y = directions[:, 1]
    found = np.degrees(np.arctan2(y, x))
    assert (found - angle + 90) % 180 - 90 == pytest.approx(0, abs=1)


@pytest.mark.parametrize(
    ("whole", "without", "expected"),
    [
        ([1.0, 1.1, 1.2], [0.5, 0.6, 0.5], "-0.57"),
        ([1.0, 1.1, 1.2], [1.0, 1.2, 1.1], "undecided at this budget"),
        ([1.0, 1.1, 1.2], [0.2, 1.4, 0.3], "undecided at this budget"),  # its own spread is larger
        ([1.0], [0.5], "one seed"),
        ([1.0, 1.0], [], "-"),
    ],
)
def test_a_difference_below_the_spread_of_seeds_is_undecided(
    claims: dict[str, ModuleType], whole: list[float], without: list[float], expected: str
) -> None:
    assert claims["claims_report"].decide(whole, without, 2) == expected


def test_what_is_ablated_is_off_and_all_else_is_the_same(claims: dict[str, ModuleType]) -> None:
    runs = claims["claims_runs"]
    budget = runs.Budget(8, 32, 2, (1.0, 5.0), "vgg.safetensors", 3)
    whole = runs.ablated(budget, 30, "whole", 1).to_dict()
    changed = {name: differences(whole, runs.ablated(budget, 30, name, 1).to_dict()) for name in runs.ABLATIONS}
    assert changed == {
        "whole": {},
        "no blur encoder": {"branches.blur_encoder": False},
        "no KL": {"loss.kl": 0.0},
        "no cycle": {"loss.cycle_sharp": 0.0, "loss.cycle_blurred": 0.0},
        "no perceptual loss": {"loss.perceptual": 0.0},
        "reference s, not b": {"objective.perceptual_reference": "sharp"},
    }
    assert (whole["loss"]["kl"], whole["loss"]["cycle_sharp"], whole["loss"]["perceptual"]) == (0.01, 10.0, 0.1)


def differences(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        f"{section}.{name}": value
        for section, values in after.items()
        for name, value in values.items()
        if before[section][name] != value
    }


def test_an_estimator_lays_the_blur_of_one_image_on_another(
    claims: dict[str, ModuleType], images: Path, tmp_path: Path
) -> None:
    """With the true kernels in place of estimates, what is moved is what is true."""
    transfer, probes = claims["claims_transfer"], claims["claims_probes"]
    crops = probes.BlurredCrops(sorted(images.iterdir()), (2.0, 9.0), balance_white=False)
    lengths, angles = crops.motions(transfer.PAIRS, 5)
    kernels = crops.kernels(lengths, angles)
    calls = []

    def lay(blurred: Tensor, sharp: Tensor) -> Tensor:
        calls.append(blurred)
        own = kernels if len(calls) == 1 else kernels.roll(1, dims=0)
        margin = kernels.shape[-1] // 2
        return apply_kernels(F.pad(sharp, [margin] * 4, mode="reflect"), own)

    found = transfer.measure_transfer(lay, crops, tmp_path / "transfer.png")
    assert torch.equal(calls[1], calls[0].roll(1, dims=0))
    assert found["moved"] > found["exchanged"] + 1
    assert found["moved"] > found["sharp"] + 1
