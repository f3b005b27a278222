from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.runs import CPU, MakeConfig, assert_same, newest
from udsd.models import DeblurModel
from udsd.training.checkpoint import BEST_FILE, read_state
from udsd.training.runs import load_run, load_trained
from udsd.training.scores import RunScores
from udsd.training.trainer import Trainer
from udsd.training.validation import Validation

STAGES: dict[str, dict[str, Any]] = {
    "warm_start": {"steps": 4},
    "unpaired": {"steps": 2, "decay_steps": 2},
    "run": {"checkpoint_every": 1, "keep_checkpoints": 20, "validate_every": 2, "log_every": 3},
}


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("held_out")
    for seed in range(2):
        noise = np.random.default_rng(50 + seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{seed}.png")
    return folder


@pytest.fixture
def make_trainer(make_config: MakeConfig, held_out: Path, tmp_path: Path) -> Any:
    def make(folder: str = "run", *, resume: bool = False, **sections: Mapping[str, Any]) -> Trainer:
        config = make_config(**{**STAGES, **sections}, data={"validation": [str(held_out)]})
        return Trainer(config, tmp_path / folder, CPU, resume=resume)

    return make


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give validations these scores, one after the other, in place of their own."""

    def use(*values: float) -> None:
        left = iter(values)
        monkeypatch.setattr(Validation, "scores", lambda *_: {"validation_psnr": next(left)})

    return use


def weights_by_step(trainer: Trainer) -> dict[int, dict[str, Tensor]]:
    """Train, and keep the averaged weights of each step."""
    found = {0: {name: value.clone() for name, value in trainer.averaged_model.state_dict().items()}}
    take_step = trainer.learner.step

    def watched(step: int, batch: Any) -> dict[str, Tensor]:
        losses = take_step(step, batch)
        found[step + 1] = {name: value.clone() for name, value in trainer.averaged_model.state_dict().items()}
        return losses

    trainer.learner.step = watched  # type: ignore[method-assign]
    trainer.fit()
    return found


def test_the_best_weights_are_kept_and_are_what_is_loaded(make_trainer: Any, scored: Any) -> None:
    scored(20.0, 21.0, 23.0, 22.0, 23.0)
    trainer = make_trainer()
    weights = weights_by_step(trainer)
    run = load_trained(trainer.output)
    assert run.step == 4  # the first of two that are as good
    for name, value in run.networks.deblur_model.state_dict().items():
        torch.testing.assert_close(value, weights[4][name].half().float(), atol=0, rtol=0)
    assert load_trained(trainer.output, last=True).step == 8
    for name, value in load_run(trainer.output)[1].deblur_model.state_dict().items():
        assert torch.equal(value, weights[8][name])
    best, checkpoint = (trainer.output / name for name in (BEST_FILE, "checkpoint-00000008.pt"))
    assert best.stat().st_size < checkpoint.stat().st_size / 3


def test_a_run_that_ends_below_its_start_says_so(
    make_trainer: Any, scored: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    scored(20.0, 21.0, 19.0, 18.0, 19.5)
    make_trainer().fit()
    (warning,) = [record.getMessage() for record in caplog.records if "worse than its start" in record.getMessage()]
    assert "validation_psnr 19.50 at step 8, 20.00 at step 0; export writes the best, of step 2" in warning
    caplog.clear()
    scored(20.0, 19.0, 19.0, 18.0, 19.5)
    make_trainer("second").fit()
    assert "no step was better than the start, which is what export writes" in caplog.text
    assert load_trained(make_trainer("second", resume=True).output).step == 0
    caplog.clear()
    scored(20.0, 21.0, 19.0, 18.0, 20.0)
    make_trainer("third").fit()
    assert "worse than its start" not in caplog.text
    assert "20.00 at step 0, 20.00 at step 8, best 21.00 at step 2" in caplog.text


@pytest.mark.parametrize("step", [1, 4, 7])
def test_a_resumed_run_keeps_the_scores_of_an_uninterrupted_one(make_trainer: Any, tmp_path: Path, step: int) -> None:
    whole = make_trainer("whole")
    whole.fit()
    (tmp_path / "run").mkdir()
    for name in ("losses.csv", BEST_FILE, f"checkpoint-{step:08d}.pt"):
        shutil.copy(whole.output / name, tmp_path / "run")
    resumed = make_trainer("run", resume=True)
    assert resumed.step == step
    resumed.fit()
    assert_same(newest(resumed.output), newest(whole.output))
    assert_same(read_state(resumed.output / BEST_FILE), read_state(whole.output / BEST_FILE))
    assert (resumed.output / "losses.csv").read_bytes() == (whole.output / "losses.csv").read_bytes()
    assert newest(whole.output)["scores"]["last"]["step"] == 8


def test_another_validation_begins_anew(
    make_config: MakeConfig, make_trainer: Any, scored: Any, held_out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scored(30.0, 30.0, 30.0, 30.0, 30.0)
    folder = make_trainer().output
    make_trainer().fit()
    scored(20.0, 21.0)
    config = make_config(
        **{**STAGES, "unpaired": {"steps": 4, "decay_steps": 2}},
        data={"validation": [str(held_out)], "validation_images": 1},
    )
    trainer = Trainer(config, folder, CPU, resume=True, change_settings=True)
    assert "the validation has changed: its scores begin anew at step 8" in caplog.text
    trainer.fit()
    scores = trainer.selection.scores
    assert (scores.start, scores.best) == (scores.start, scores.last)
    assert load_trained(folder).step == 10


def test_a_broken_file_of_the_best_weights_is_told(make_trainer: Any, caplog: pytest.LogCaptureFixture) -> None:
    trainer = make_trainer()
    trainer.fit()
    (trainer.output / BEST_FILE).write_bytes(b"broken")
    assert load_trained(trainer.output).step == 8
    assert "best.pt cannot be read" in caplog.text
    assert make_trainer(resume=True).step == 8
    caplog.clear()
    torch.save({"step": 3}, trainer.output / BEST_FILE)
    assert load_trained(trainer.output).step == 8
    assert "best.pt cannot be read ('config'); going on without it" in caplog.text


def test_real_pairs_decide_where_there_are_both(
    make_config: MakeConfig, held_out: Path, pages: Path, tmp_path: Path
) -> None:
    blurred = tmp_path / "blurred"
    blurred.mkdir()
    for path in held_out.iterdir():
        shutil.copy(path, blurred)
    config = make_config(
        **STAGES, data={"validation": [str(held_out)], "validation_pairs": [str(blurred), str(held_out)]}
    )
    trainer = Trainer(config, tmp_path / "run", CPU)
    trainer.fit()
    assert trainer.selection.scores.name == "validation_pairs_psnr"
    assert trainer.selection.scores.start is not None
    assert trainer.selection.scores.start.scores.keys() == {
        "validation_pairs_psnr",
        "validation_pairs_ssim",
        "validation_psnr",
        "validation_ssim",
    }


def test_scores_survive_as_plain_values() -> None:
    scores = RunScores("psnr", "abc", {"psnr": 9.0}).with_new(0, {"psnr": 10.0}).with_new(5, {"psnr": 9.5})
    assert RunScores.from_dict(scores.to_dict()) == scores
    assert scores.ended_below_start
    assert scores.best == scores.start
    assert RunScores.from_dict({}) == RunScores()
    assert not RunScores().ended_below_start


def test_measuring_does_not_change_the_run(make_config: MakeConfig, make_trainer: Any, tmp_path: Path) -> None:
    make_trainer("measured").fit()
    Trainer(make_config(**STAGES), tmp_path / "plain", CPU).fit()
    for part in ("networks", "average", "optimizers", "random"):
        assert_same(newest(tmp_path / "measured")[part], newest(tmp_path / "plain")[part])


def test_a_model_is_measured_as_it_will_be_used(make_trainer: Any) -> None:
    trainer = make_trainer()
    (validation,) = trainer.selection.validations
    model: DeblurModel = trainer.averaged_model
    assert trainer.selection.measure(0, model, CPU, torch.float32)[0] == validation.scores(model, CPU, torch.float32)


def test_the_better_weights_of_an_abandoned_attempt_stay_the_best(
    make_config: MakeConfig, make_trainer: Any, scored: Any, held_out: Path
) -> None:
    """They were found behind the checkpoint from which the run goes on otherwise."""
    scored(20.0, 21.0, 29.0, 22.0, 23.0)
    folder = make_trainer().output
    make_trainer().fit()
    for step in range(4, 9):
        (folder / f"checkpoint-{step:08d}.pt").unlink()
    scored(21.0, 22.0, 23.0)
    config = make_config(
        **{**STAGES, "unpaired": {"steps": 2, "decay_steps": 2, "learning_rate": 1e-5}},
        data={"validation": [str(held_out)]},
    )
    trainer = Trainer(config, folder, CPU, resume=True, change_settings=True)
    assert trainer.step == 3
    trainer.fit()
    assert trainer.selection.scores.best is not None
    assert (trainer.selection.scores.best.step, trainer.selection.scores.best.value) == (4, 29.0)
    assert load_trained(folder).step == 4
