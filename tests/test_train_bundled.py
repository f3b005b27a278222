"""examples/train_bundled.py, which makes the bundled models again."""

from __future__ import annotations

import runpy
import shlex
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import udsd.training
from tests.runs import TINY
from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained import load_model, save_model
from udsd.training.config import TrainingConfig, parse_setting

SCRIPT = Path(__file__).parents[1] / "examples" / "train_bundled.py"
RECIPES = Path(udsd.training.__file__).parent / "recipes"
RUNS = {"text-small": 9, "text": 12, "face": 8, "face-small": 2, "plate": 2}
RECIPE_OF = {"text-small": 6, "text": 6, "face": 5, "face-small": 1}
"""The run that the recipe is of: the last of the first edition. Of `plate` it is none."""
START = {"text": ["text-small"], "face-small": ["text-small"], "plate": ["text"]}
"""The models that the first runs begin with."""
TEACHERS = {"text-small": ["text", "text", "text"], "face-small": ["face", "face"]}
"""Of the last runs."""


@pytest.fixture(scope="module")
def train_bundled() -> Callable[[list[str]], int]:
    main: Callable[[list[str]], int] = runpy.run_path(str(SCRIPT))["main"]
    return main


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(4):
        noise = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return folder


def light_of(config: TrainingConfig) -> tuple[float, float]:
    return config.blur.gamma_probability, config.blur.sharpened_probability


def values_after(words: list[str], option: str) -> list[str]:
    return [value for word, value in pairwise(words) if word == option]


@pytest.mark.parametrize("model", RUNS)
def test_every_command_is_one_that_can_be_run(
    train_bundled: Callable[[list[str]], int], model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert train_bundled([model, "--sharp", "pages", "--output", str(output), "--dry-run"]) == 0
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    trainings, exports = lines[::2], lines[1::2]
    assert len(trainings) == len(exports) == RUNS[model]
    start = START.get(model, [])
    teachers = [values_after(training, "--teacher") for training in trainings]
    last = [[teacher] for teacher in TEACHERS.get(model, [])]
    assert teachers == [[]] * (len(trainings) - len(last)) + last
    configs: list[TrainingConfig] = []
    for number, (training, export) in enumerate(zip(trainings, exports, strict=True), start=1):
        overrides: dict[str, dict[str, Any]] = {}
        for setting in values_after(training, "--set"):
            section, key, value = parse_setting(setting)
            overrides.setdefault(section, {})[key] = value
        config = TrainingConfig.from_toml(RECIPES / f"{model}.toml", overrides)
        configs.append(config)
        assert config.warm_start.steps >= 1000
        assert not config.has_unpaired_stage
        assert values_after(training, "--init") == start
        run, exported = str(output / str(number)), str(output / "models" / str(number))
        assert values_after(training, "--output") == [run]
        assert export == ["udsd-train", "export", run, "-o", exported]
        start = [exported]
    recipe = TrainingConfig.from_toml(RECIPES / f"{model}.toml")
    # Recipes blur light as the last runs do, not those that they are of otherwise.
    assert light_of(recipe) == light_of(configs[-1])
    assert recipe.blur.gamma_probability > 0
    if model in RECIPE_OF:
        of_recipe = configs[RECIPE_OF[model] - 1]
        assert light_of(of_recipe) == (0, 0)
        blur = replace(recipe.blur, gamma_probability=0, sharpened_probability=0)
        assert of_recipe == replace(recipe, blur=blur, run=replace(recipe.run, seed=of_recipe.run.seed))
    assert not output.exists()


def test_all_runs_are_made_one_after_the_other_and_only_once(
    train_bundled: Callable[[list[str]], int], images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    narrow = DeblurModel(ModelConfig(base_width=4, residual_blocks=1, residual_output=True, balance_white=True))
    save_model(narrow, tmp_path / "narrow")
    command = ["text", "--sharp", str(images), "--output", str(output), "--init", str(tmp_path / "narrow")]
    more = TINY | {"model": {"base_width": 8, "residual_blocks": 1}, "warm_start": {"steps": 2, "optimizer": "adam"}}
    for section, values in more.items():
        for key, value in values.items():
            if section != "unpaired":
                command += ["--set", f"{section}.{key}={value}"]
    assert train_bundled(command) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{output}/models/final: load it with")
    lists = [(output / f"{name}.txt").read_text().splitlines() for name in ("odd", "even")]
    assert [[Path(line).name for line in lines] for lines in lists] == [["0.png", "2.png"], ["1.png", "3.png"]]
    before_last, last = str(RUNS["text"] - 1), str(RUNS["text"])
    models = {name: load_model(str(output / "models" / name)).state_dict() for name in (before_last, last, "final")}
    assert all(torch.equal(value, models[last][name]) for name, value in models["final"].items())
    assert any(not torch.equal(value, models[before_last][name]) for name, value in models[last].items())

    (checkpoint,) = (output / last).glob("checkpoint-*.pt")
    before = checkpoint.stat().st_mtime_ns
    assert train_bundled(command) == 0
    assert checkpoint.stat().st_mtime_ns == before
    assert capsys.readouterr().out.count("is done") == RUNS["text"]


def test_start_and_teacher_can_be_ones_own(
    train_bundled: Callable[[list[str]], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ["--init", "small/", "--teacher", "wide/", "--dry-run"]
    assert train_bundled(["face-small", "--sharp", "faces", "--output", str(tmp_path / "out"), *own]) == 0
    training = shlex.split(capsys.readouterr().out.splitlines()[0])
    assert (values_after(training, "--init"), values_after(training, "--teacher")) == (["small/"], ["wide/"])


def test_a_run_that_was_stopped_is_not_exported(
    train_bundled: Callable[[list[str]], int],
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "out"
    scope = train_bundled.__globals__  # type: ignore[attr-defined]
    asked: list[list[str]] = []

    def stopped_at_once(arguments: list[str]) -> int:
        asked.append(arguments)
        return 0

    monkeypatch.setitem(scope, "udsd_train", stopped_at_once)
    assert train_bundled(["face", "--sharp", str(images), "--output", str(output)]) == 1
    assert len(asked) == 1
    assert "the same command goes on" in capsys.readouterr().out
