from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.runs import CPU, MakeConfig, assert_same, newest, to_toml
from udsd.cli.train import main
from udsd.errors import ChecksumError, ConfigError, UdsdError
from udsd.evaluation.vgg import VGG19Features
from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained import save_model
from udsd.pretrained.folder import file_sha256
from udsd.training import train
from udsd.training.automatic import with_length
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.learner import Learner
from udsd.training.losses import perceptual_loss, restoration_losses
from udsd.training.processes import Processes
from udsd.training.runs import load_run
from udsd.training.start import make_trainer, run_config
from udsd.training.teacher import Teacher, load_teacher

IDENTITY: dict[str, Any] = {"model": {"residual_output": True}}
WARM: dict[str, Any] = {"unpaired": {"steps": 0, "decay_steps": 0}}
"""No unpaired stage: two steps of the warm start."""


def model_of(seed: int = 5, **settings: Any) -> DeblurModel:
    """A model that is no identity, of another width than the runs here."""
    torch.manual_seed(seed)
    model = DeblurModel(ModelConfig(base_width=8, residual_blocks=1, **settings))
    torch.nn.init.normal_(model.generator.to_image.weight, std=0.05)
    return model.requires_grad_(False).eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(model_of(), tmp_path / "teacher")
    return tmp_path / "teacher"


def teacher_of(share: float) -> Teacher:
    return Teacher(model_of(), share, "")


def learner_of(config: TrainingConfig, teacher: Teacher | None, vgg: VGG19Features | None = None) -> Learner:
    return Learner(config, Processes(CPU), vgg, teacher=teacher)


def pairs_of(learner: Learner) -> tuple[dict[str, Any], Tensor, Tensor]:
    """The batch of the first step, and its images, sharp and blurred."""
    config = learner.config
    batch = dict(learner.draw(TrainingCrops(config.data, config.blur, config.run.seed), 0))
    return (batch, *batch["pairs"].to_device(CPU))


@pytest.mark.parametrize("share", [0.0, 0.7, 1.0])
def test_the_target_lies_between_the_sharp_image_and_what_the_teacher_gives(share: float) -> None:
    sharp, blurred = torch.rand(2, 2, 3, 32, 32) * 2 - 1
    teacher = teacher_of(share)
    target = teacher.target(sharp, blurred)
    assert not target.requires_grad
    assert not torch.allclose(teacher.model(blurred), blurred, atol=0.01)
    torch.testing.assert_close(target, (1 - share) * sharp + share * teacher.model(blurred))


@pytest.mark.parametrize("share", [0.7, 1.0])
def test_restorations_are_compared_with_the_target(make_config: MakeConfig, share: float) -> None:
    """The model that learns is the identity at first, so that its restoration is the blurred image."""
    teacher = teacher_of(share)
    before = {name: value.clone() for name, value in teacher.model.state_dict().items()}
    learner = learner_of(make_config(**IDENTITY), teacher)
    batch, sharp, blurred = pairs_of(learner)
    losses = learner.step(0, batch)
    expected = restoration_losses(blurred, sharp.lerp(teacher.model(blurred), share))
    assert {name: losses[name].item() for name in expected} == pytest.approx(
        {name: value.item() for name, value in expected.items()}, rel=1e-5
    )
    assert_same(dict(teacher.model.state_dict()), before)


def test_the_perceptual_loss_compares_with_the_sharp_images(make_config: MakeConfig) -> None:
    vgg = VGG19Features()
    config = make_config(**IDENTITY, loss={"restoration_perceptual": 1.0})
    learner = learner_of(config, teacher_of(1.0), vgg)
    batch, sharp, blurred = pairs_of(learner)
    losses = learner.step(0, batch)
    expected = perceptual_loss(vgg(blurred), vgg(sharp)).item()
    assert losses["restoration_perceptual"].item() == pytest.approx(expected, rel=1e-4)


def test_a_model_comes_nearer_to_its_teacher(make_config: MakeConfig) -> None:
    config = make_config(**IDENTITY, warm_start={"steps": 100, "ramp_steps": 1, "learning_rate": 3e-3})
    learner = learner_of(config, teacher_of(1.0))
    batch, _, _ = pairs_of(learner)
    losses = [learner.step(step, batch)["restoration_squared"].item() for step in range(60)]
    assert losses[-1] < 0.5 * losses[0]


def test_the_teacher_computes_in_the_format_of_the_run(make_config: MakeConfig) -> None:
    formats = []
    teacher = teacher_of(1.0)
    teacher.model.generator.register_forward_hook(lambda *results: formats.append(results[-1].dtype))
    learner = learner_of(make_config(run={"precision": "bfloat16"}), teacher)
    batch, _, _ = pairs_of(learner)
    learner.step(0, batch)
    assert formats == [torch.bfloat16]


def test_the_settings_name_the_teacher(make_config: MakeConfig, folder: Path) -> None:
    assert load_teacher(make_config()) is None
    teacher = load_teacher(make_config(warm_start={"teacher": str(folder), "teacher_share": 0.4}))
    assert teacher is not None
    assert (teacher.share, teacher.sha256) == (0.4, file_sha256(folder / "model.safetensors"))
    torch.testing.assert_close(
        teacher.model(torch.ones(1, 3, 16, 16)), model_of()(torch.ones(1, 3, 16, 16)), rtol=1e-2, atol=1e-2
    )
    with pytest.raises(ConfigError, match=r"teacher_share is 1.5; give a number from 0 to 1"):
        make_config(warm_start={"teacher_share": 1.5})


def rename(folder: Path) -> None:
    folder.rename(folder.with_name("gone"))


def lose_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def break_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"broken")


def have_one_channel(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["model"]["image_channels"] = 1
    (folder / "config.json").write_text(json.dumps(config))


def be_wider_than_its_weights(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["model"]["base_width"] = 16
    (folder / "config.json").write_text(json.dumps(config))


def scale_paper(folder: Path) -> None:
    save_model(model_of(balance_white=True), folder)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (rename, "teacher"),
        (lose_weights, "model.safetensors"),
        (break_weights, "model.safetensors"),
        (have_one_channel, "image_channels"),
        (be_wider_than_its_weights, "model.safetensors"),
        (scale_paper, "the teacher scales paper to white and the run does not.*set model.balance_white=true"),
    ],
)
@pytest.mark.parametrize("recipe", ["paper", None])
def test_a_wrong_teacher_is_told_before_any_work(
    spoil: Callable[[Path], None],
    message: str,
    recipe: str | None,
    pages: Path,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a recipe the blur of the images would be learnt first."""
    spoil(folder)
    with pytest.raises(UdsdError, match=message):
        run_config(tmp_path / "run", recipe, {"warm_start": {"teacher": str(folder), "steps": 2}}, resume=False)
    command = ["--sharp", str(pages), "--teacher", str(folder), "--output", str(tmp_path / "run")]
    command += ["--recipe", recipe, "--set", "loss.perceptual=0"] if recipe else []
    assert main([*command, "--set", "warm_start.steps=2"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "udsd-train" in line
    assert {path.name for path in (tmp_path / "run").rglob("*")} <= {"request.toml"}


def test_a_run_that_scales_paper_needs_a_teacher_that_does(make_config: MakeConfig, folder: Path) -> None:
    with pytest.raises(ConfigError, match="the run scales paper to white and the teacher does not"):
        load_teacher(make_config(model={"balance_white": True}, warm_start={"teacher": str(folder)}))


def test_a_teacher_needs_a_stage_that_learns_from_it(make_config: MakeConfig, folder: Path, tmp_path: Path) -> None:
    config = make_config(warm_start={"steps": 0, "teacher": str(folder)})
    with pytest.raises(ConfigError, match="a teacher is for the warm start, which this run has not"):
        make_trainer(config, tmp_path / "run")
    kept = make_config(warm_start={"steps": 0, "teacher": str(folder)}, unpaired={"restoration": True})
    assert make_trainer(kept, tmp_path / "run").config == kept


def test_a_run_goes_on_with_its_teacher_alone(
    make_config: MakeConfig,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Named by a relative path, and found from elsewhere; other weights in its place are refused."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(to_toml(make_config(**WARM, warm_start={"steps": 4}).to_dict()))
    monkeypatch.chdir(tmp_path)
    start = ["--recipe", str(recipe), "--teacher", "teacher", "--device", "cpu"]
    assert main([*start, "--output", "whole"]) == 0
    assert main([*start, "--output", "part", "--set", "warm_start.steps=2"]) == 0
    monkeypatch.chdir(folder)
    go_on = ["--resume", "--output", str(tmp_path / "part"), "--set", "warm_start.steps=4"]
    config, _ = load_run(tmp_path / "part")
    assert config.warm_start.teacher == str(folder)
    assert newest(tmp_path / "part")["teacher"] == file_sha256(folder / "model.safetensors")

    good = (folder / "model.safetensors").read_bytes()
    save_model(model_of(seed=6), folder)
    capsys.readouterr()
    assert main(go_on[:-2]) == 2
    assert f"other settings: the weights of {folder} from" in capsys.readouterr().err
    (folder / "model.safetensors").write_bytes(good)
    assert main([*go_on, "--change-settings"]) == 0
    assert newest(tmp_path / "part")["step"] == 4
    save_model(model_of(seed=6), folder)
    assert main(["--resume", "--output", str(tmp_path / "whole"), "--change-settings"]) == 0
    assert newest(tmp_path / "whole")["teacher"] == file_sha256(folder / "model.safetensors")


def test_a_resumed_run_ends_with_the_weights_of_one_that_was_not_interrupted(
    make_config: MakeConfig, folder: Path, tmp_path: Path
) -> None:
    config = make_config(**WARM, warm_start={"steps": 3, "teacher": str(folder)}, run={"checkpoint_every": 1})
    make_trainer(config, tmp_path / "whole").fit()
    make_trainer(config, tmp_path / "part", callback=lambda update: update.step == 1).fit()
    assert newest(tmp_path / "part")["step"] < 3
    make_trainer(config, tmp_path / "part", resume=True).fit()
    for name in ("networks", "average"):
        assert_same(newest(tmp_path / "part")[name], newest(tmp_path / "whole")[name])
    alone = replace(config, warm_start=replace(config.warm_start, teacher=""))
    make_trainer(alone, tmp_path / "alone").fit()
    with pytest.raises(AssertionError):
        assert_same(newest(tmp_path / "alone")["networks"], newest(tmp_path / "whole")["networks"])


def test_the_time_of_a_step_is_measured_with_the_teacher(make_config: MakeConfig, folder: Path, tmp_path: Path) -> None:
    config = make_config(**WARM, warm_start={"steps": 1, "teacher": str(folder)})
    break_weights(folder)
    with pytest.raises(UdsdError, match=r"model\.safetensors"):
        with_length(config, tmp_path / "run", ends=1e12)


def test_from_python_a_teacher_is_given_by_its_folder(
    make_config: MakeConfig, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    run = train(None, tmp_path / "run", recipe=make_config(**WARM), teacher=folder)
    assert run.config.warm_start.teacher == str(folder)
    assert f"taught by {folder}" in caplog.text


def test_a_file_that_is_replaced_while_it_is_read_is_not_taken(
    make_config: MakeConfig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("udsd.training.teacher.file_sha256", lambda _: "0" * 64)
    with pytest.raises(ChecksumError):
        load_teacher(make_config(warm_start={"teacher": str(folder)}))
