"""The size at which a model is shown the images of a new domain."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.flat_images import NO_BLUR, save
from udsd import Deblurrer
from udsd.cli.train import main
from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained import save_model
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.data_config import DataConfig
from udsd.training.scale_choice import with_best_scale
from udsd.training.validation import Validation


@pytest.fixture
def config(tmp_path: Path) -> TrainingConfig:
    """A run on noise that starts from a model of random weights."""
    random = np.random.default_rng(0)
    for number in range(4):
        save(tmp_path / "sharp" / f"{number}.png", random.integers(0, 256, (48, 48, 3), np.uint8))
    model = DeblurModel(ModelConfig(base_width=4, residual_blocks=1, residual_output=True))
    save_model(model, tmp_path / "model")
    data = DataConfig(sharp=(str(tmp_path / "sharp"),), crop_size=32, batch_size=2, held_out=0.25)
    base = TrainingConfig()
    return replace(
        base, model=model.config, data=data, blur=NO_BLUR, run=replace(base.run, init=str(tmp_path / "model"))
    )


def chosen(config: TrainingConfig, folder: Path) -> float:
    crops = TrainingCrops(config.data, config.blur, 0)
    return with_best_scale(config, crops, folder / "run").model.input_scale


def scored_by(score: Callable[[float], float], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let a score be a function of the scale; returns the list of those that are tried."""
    tried = []

    def scores(validation: Validation, model: DeblurModel, *_: object) -> dict[str, float]:
        tried.append(model.config.input_scale)
        return {validation.score: score(model.config.input_scale)}

    monkeypatch.setattr(Validation, "scores", scores)
    return tried


@pytest.mark.parametrize("best", [0.25, 0.5, 0.595, 0.707, 0.841, 1.189, 1.414, 1.682, 2.0, 4.0])
def test_the_scale_of_the_best_score_is_taken(
    config: TrainingConfig, best: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = scored_by(lambda scale: -abs(np.log(scale / best)), monkeypatch)
    assert chosen(config, tmp_path) == pytest.approx(best, rel=0.01)
    assert tried[0] == 1


def test_a_little_better_is_not_worth_another_size(
    config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored_by(lambda scale: 0.09 if scale > 1 else 0, monkeypatch)
    assert chosen(config, tmp_path) == 1


def test_scales_end_where_those_of_use_do(
    config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = scored_by(lambda scale: scale, monkeypatch)
    assert chosen(config, tmp_path) == 8
    assert max(tried) <= 8


def test_where_time_is_short_no_larger_scale_is_tried(
    config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = scored_by(lambda scale: scale, monkeypatch)
    crops = TrainingCrops(config.data, config.blur, 0)
    assert with_best_scale(config, crops, tmp_path / "run", time.monotonic()).model.input_scale == 1
    assert max(tried) == 1


def test_a_model_that_changes_nothing_sees_images_in_their_own_size(config: TrainingConfig, tmp_path: Path) -> None:
    assert chosen(config, tmp_path) == 1


def test_a_run_exports_the_scale_that_it_was_trained_at(config: TrainingConfig, tmp_path: Path) -> None:
    run, model = tmp_path / "run", tmp_path / "trained"
    command = ["--sharp", *config.data.sharp, "--init", config.run.init, "--output", str(run)]
    settings = ["model.input_scale=2", "data.crop_size=32", "data.batch_size=2", "warm_start.steps=2"]
    assert main([*command, *(word for setting in settings for word in ("--set", setting))]) == 0
    assert main(["export", str(run), "-o", str(model)]) == 0
    deblurrer = Deblurrer.from_pretrained(model)
    assert deblurrer.config.input_scale == 2
    image = np.zeros((20, 30, 3), np.uint8)
    (region,) = deblurrer.examine(image)
    assert region.scale == 2
    assert deblurrer.examine(image, scale="off") == ()
