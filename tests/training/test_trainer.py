from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from tests.runs import CPU, MakeConfig, assert_same, newest, to_toml
from udsd.errors import ConfigError, ImageError, UdsdError, WeightsError
from udsd.evaluation.vgg import VGG19Features
from udsd.images import side_by_side
from udsd.models import DeblurModel
from udsd.models.config import DomainConfig
from udsd.pretrained import load_model_folder, read_config, save_model
from udsd.pretrained.lookup import BUNDLED_MODELS
from udsd.training import learner as learner_module
from udsd.training.checkpoint import find_checkpoints, load_newest_checkpoint
from udsd.training.config import TrainingConfig, UnpairedConfig
from udsd.training.learner import StepBatch
from udsd.training.objectives import UnpairedObjective, warm_start_losses
from udsd.training.recipe_files import recipe_path
from udsd.training.runs import load_run
from udsd.training.trainer import Trainer

STAGES: dict[str, dict[str, Any]] = {
    "warm_start": {"steps": 4},
    "unpaired": {"steps": 2, "decay_steps": 2},
    "run": {"checkpoint_every": 1, "keep_checkpoints": 20, "sample_every": 3, "log_every": 3},
}
"""Four steps of each stage, with a checkpoint after every one."""


@pytest.fixture(scope="module")
def whole_run(make_config: MakeConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run over both stages that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    Trainer(make_config(**STAGES), folder, CPU).fit()
    return folder


def stopped_after(step: int, run: Path, folder: Path) -> Path:
    """The folder as a run leaves it that was killed behind ``step``, later lines of losses.csv included."""
    folder.mkdir()
    shutil.copy(run / "losses.csv", folder)
    shutil.copy(run / f"checkpoint-{step:08d}.pt", folder)
    return folder


def test_the_warm_start_learns_to_restore(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(
        model={"base_width": 8},
        warm_start={"steps": 60, "learning_rate": 0.01, "ramp_steps": 5},
        unpaired={"steps": 0, "decay_steps": 0},
        run={"log_every": 10},
    )
    Trainer(config, tmp_path, CPU).fit()
    with (tmp_path / "losses.csv").open() as file:
        course = [float(row["value"]) for row in csv.DictReader(file) if row["loss"] == "restoration"]
    assert len(course) == 6
    assert course[-1] < 0.75 * course[0]


def test_the_warm_start_leaves_the_other_networks_alone(make_config: MakeConfig, tmp_path: Path) -> None:
    trainer = Trainer(make_config(unpaired={"steps": 0, "decay_steps": 0}), tmp_path, CPU)
    before = {name: value.clone() for name, value in trainer.networks.state_dict().items()}
    trainer.fit()
    changed = {name for name, value in trainer.networks.state_dict().items() if not torch.equal(value, before[name])}
    model = trainer.networks.deblur_model
    shared = "sharp_content_encoder.blocks.0."
    assert {name for name in changed if not name.startswith(shared)} == {
        f"deblur_model.{n}" for n in model.state_dict()
    }


def test_the_unpaired_stage_trains_all_networks(make_config: MakeConfig, tmp_path: Path) -> None:
    trainer = Trainer(make_config(warm_start={"steps": 0}), tmp_path, CPU)
    before = {name: value.clone() for name, value in trainer.networks.state_dict().items()}
    trainer.fit()
    same = {name for name, value in trainer.networks.state_dict().items() if torch.equal(value, before[name])}
    assert same == set()


def test_the_unpaired_stage_begins_with_the_twins(make_config: MakeConfig, tmp_path: Path) -> None:
    """At a rate of next to nothing, both branches are still alike after the first unpaired step."""
    trainer = Trainer(make_config(unpaired={"learning_rate": 1e-9, "decay_steps": 0}), tmp_path, CPU)
    trainer.fit()
    networks = trainer.networks
    for name, value in networks.blur_generator.state_dict().items():
        torch.testing.assert_close(value, networks.deblur_model.generator.state_dict()[name], atol=1e-7, rtol=0)


@pytest.mark.parametrize("earlier", [False, True], ids=["this version", "an earlier one"])
def test_a_warm_start_that_is_cut_short_later_is_followed_by_the_twins(
    earlier: bool, make_config: MakeConfig, whole_run: Path, tmp_path: Path
) -> None:
    """Next to nothing is learnt in the unpaired stage, so that both branches are still alike."""
    folder = stopped_after(3, whole_run, tmp_path / "run")
    if earlier:
        forget_stages(folder)
    shorter = STAGES | {"warm_start": {"steps": 2}, "unpaired": {"steps": 2, "decay_steps": 0, "learning_rate": 1e-9}}
    trainer = Trainer(make_config(**shorter), folder, CPU, resume=True, change_settings=True)
    trainer.fit()
    assert trainer.step == 4
    generator = trainer.networks.deblur_model.generator.state_dict()
    for name, value in trainer.networks.blur_generator.state_dict().items():
        torch.testing.assert_close(value, generator[name], atol=1e-7, rtol=0)


@pytest.mark.parametrize("earlier", [False, True], ids=["this version", "an earlier one"])
def test_a_warm_start_that_is_made_longer_later_undoes_no_twin(
    earlier: bool, make_config: MakeConfig, whole_run: Path, tmp_path: Path
) -> None:
    folder = stopped_after(6, whole_run, tmp_path / "run")
    if earlier:
        forget_stages(folder)
    longer = STAGES | {"warm_start": {"steps": 7}, "unpaired": {"steps": 1, "decay_steps": 0, "learning_rate": 1e-9}}
    trainer = Trainer(make_config(**longer), folder, CPU, resume=True, change_settings=True)
    before = trainer.networks.blur_generator.up1.weight.clone()
    trainer.fit()
    assert trainer.step == 8
    torch.testing.assert_close(trainer.networks.blur_generator.up1.weight, before, atol=1e-7, rtol=0)


def forget_stages(folder: Path) -> None:
    """Make the checkpoints of a run those of an earlier version."""
    for path in find_checkpoints(folder):
        state = torch.load(path, weights_only=True)
        del state["has_begun_unpaired_stage"], state["origin"]
        torch.save(state, path)


def test_without_a_warm_start_the_branches_differ(make_config: MakeConfig, tmp_path: Path) -> None:
    trainer = Trainer(make_config(warm_start={"steps": 0}), tmp_path, CPU)
    trainer.fit()
    networks = trainer.networks
    assert not torch.equal(networks.blur_generator.up1.weight, networks.deblur_model.generator.up1.weight)


@pytest.mark.parametrize(
    "step", [3, 4, 6, 8], ids=["in the warm start", "between", "in the unpaired stage", "at the end"]
)
def test_a_resumed_run_ends_as_an_uninterrupted_one(
    make_config: MakeConfig, whole_run: Path, tmp_path: Path, step: int
) -> None:
    folder = stopped_after(step, whole_run, tmp_path / "run")
    trainer = Trainer(make_config(**STAGES), folder, CPU, resume=True)
    assert trainer.step == step
    trainer.fit()
    assert trainer.step == 8
    assert_same(newest(folder), newest(whole_run))
    assert (folder / "losses.csv").read_bytes() == (whole_run / "losses.csv").read_bytes()


EVERYTHING: dict[str, dict[str, Any]] = STAGES | {
    "branches": {"discriminator_init": "kaiming", "share_generator_block": True},
    "data": {"flip": True, "workers": 1},
    "objective": {"replay_pool": 3, "blurred_noise": 2.0, "adversarial": "hinge"},
    "loss": {"random_code": 1.0, "latent": 1.0, "identity": 1.0, "low_frequency": 1.0, "r1": 0.1},
    "unpaired": {"steps": 9, "decay_steps": 1, "ramp_steps": 2, "discriminator_rate": 2.0, "restoration": True},
    "run": STAGES["run"] | {"clip_gradients": 1.0},
}
"""Every option that has a state, or draws at random."""


def test_a_resumed_run_with_every_option_ends_as_an_uninterrupted_one(make_config: MakeConfig, tmp_path: Path) -> None:
    Trainer(make_config(**EVERYTHING), tmp_path / "whole", CPU).fit()
    folder = stopped_after(6, tmp_path / "whole", tmp_path / "run")
    Trainer(make_config(**EVERYTHING), folder, CPU, resume=True).fit()
    assert_same(newest(folder), newest(tmp_path / "whole"))
    assert (folder / "losses.csv").read_bytes() == (tmp_path / "whole" / "losses.csv").read_bytes()
    with (folder / "losses.csv").open() as file:
        names = {row["loss"] for row in csv.DictReader(file) if row["step"] == "14"}
    assert names >= {
        "adversarial_sharp",
        "adversarial_blurred",
        "random_code",
        "latent",
        "identity",
        "low_frequency",
        "restoration",
        "kl",
    }


def test_the_number_of_workers_does_not_change_the_run(
    make_config: MakeConfig, whole_run: Path, tmp_path: Path
) -> None:
    Trainer(make_config(**STAGES, data={"workers": 3}), tmp_path, CPU).fit()
    assert_same(newest(tmp_path)["networks"], newest(whole_run)["networks"])


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="forks")


@on_linux
def test_processes_in_place_of_threads_do_not_change_the_run(
    make_config: MakeConfig, whole_run: Path, tmp_path: Path
) -> None:
    config = make_config(**STAGES, data={"worker_processes": True})
    Trainer(config, tmp_path / "whole", CPU).fit()
    assert_same(newest(tmp_path / "whole")["networks"], newest(whole_run)["networks"])
    folder = stopped_after(6, whole_run, tmp_path / "run")  # begun with threads
    Trainer(config, folder, CPU, resume=True).fit()
    assert_same(newest(folder)["networks"], newest(whole_run)["networks"])


@on_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_worker_processes_end_with_the_trainer(
    make_config: MakeConfig, pages: Path, tmp_path: Path, number: int
) -> None:
    recipe, folder = tmp_path / "recipe.toml", tmp_path / "run"
    config = make_config(data={"worker_processes": True}, warm_start={"steps": 100_000}, run={"checkpoint_every": 1})
    recipe.write_text(to_toml(config.to_dict()))
    command = ["--recipe", str(recipe), "--sharp", str(pages), "--output", str(folder), "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-m", "udsd.training", *command], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while process.poll() is None and not find_checkpoints(folder):
        time.sleep(0.05)
    if number == signal.SIGKILL:
        process.kill()
    else:
        os.killpg(process.pid, number)  # a terminal sends Ctrl-C to all
    # Ends when nobody has standard error open any more, so when no worker lives.
    _, error = process.communicate(timeout=120)
    # The one complaint that there may be: Python's thread that hands a batch over finds that its taker was killed.
    handing = 'resource_sharer.py", line' if number == signal.SIGKILL else "nothing"
    assert "Traceback" not in error or handing in error
    assert "udsd/training/" not in error.partition("Traceback")[2]
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert newest(folder)["step"] >= 1
        assert "--resume" in error


def test_gradients_are_clipped_to_the_asked_norm(make_config: MakeConfig, tmp_path: Path) -> None:
    for largest in (0.0, 1e-3):
        config = make_config(warm_start={"steps": 1}, unpaired={"steps": 0}, run={"clip_gradients": largest})
        trainer = Trainer(replace(config, unpaired=UnpairedConfig()), tmp_path / str(largest), CPU)
        trainer.fit()
        gradients = [parameter.grad for parameter in trainer.networks.inference_parameters()]
        norm = torch.stack([gradient.norm() for gradient in gradients if gradient is not None]).norm().item()
        if largest:
            assert norm == pytest.approx(largest, rel=1e-3)
        else:
            assert norm > 0.1


def test_discriminators_have_a_rate_of_their_own(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(warm_start={"steps": 0}, unpaired={"learning_rate": 1e-3, "discriminator_rate": 1e-6})
    trainer = Trainer(config, tmp_path, CPU)
    before = {name: value.clone() for name, value in trainer.networks.state_dict().items()}
    trainer.fit()
    moved = {name: (value - before[name]).abs().max() for name, value in trainer.networks.state_dict().items()}
    assert all(change < 1e-7 for name, change in moved.items() if "discriminator" in name)
    assert all(change > 1e-5 for name, change in moved.items() if "discriminator" not in name)


def test_epochs_are_counted_by_the_sharp_images(make_config: MakeConfig, tmp_path: Path) -> None:
    # Six images, half of them sharp, two in a batch.
    config = make_config(warm_start={"steps": 1}, unpaired={"steps": 0, "decay_steps": 0, "epochs": 2})
    trainer = Trainer(config, tmp_path, CPU)
    trainer.fit()
    assert trainer.step == 1 + 2 * 2
    assert load_run(tmp_path)[0].unpaired.steps == 4


def test_scores_on_held_out_images_are_logged(
    make_config: MakeConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held_out = tmp_path / "held_out"
    held_out.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(held_out / "a.png")
    caplog.set_level("INFO")
    config = make_config(data={"validation": [str(held_out)]}, run={"validate_every": 2})
    Trainer(config, tmp_path / "run", CPU, vgg=VGG19Features()).fit()
    with (tmp_path / "run" / "losses.csv").open() as file:
        rows = [(int(row["step"]), row["loss"]) for row in csv.DictReader(file) if row["loss"].startswith("valid")]
    names = ["validation_psnr", "validation_ssim", "validation_d_vgg"]
    assert rows == [(step, name) for step in (0, 2, 4) for name in names]
    assert "step 4: validation PSNR" in caplog.text


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")  # inside torch itself
def test_compiled_networks_are_compiled_in_place(make_config: MakeConfig, tmp_path: Path) -> None:
    plain, compiled = (
        Trainer(make_config(run={"compile": flag}), tmp_path / str(flag), CPU).networks for flag in (False, True)
    )
    assert compiled.state_dict().keys() == plain.state_dict().keys()
    for networks, expected in ((plain, False), (compiled, True)):
        parts = (networks.deblur_model.generator, networks.blur_generator, networks.sharp_discriminator)
        assert all((part._compiled_call_impl is not None) == expected for part in parts)


FULL_DISK = """
import resource, signal, sys
from udsd.cli.train import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("limit", [4_000, 30_000, 31_000])  # where a write fails decides what torch says about it
def test_a_full_disk_ends_the_run_and_leaves_the_checkpoint_before(
    make_config: MakeConfig, pages: Path, whole_run: Path, tmp_path: Path, limit: int
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(to_toml(make_config(**STAGES).to_dict()))
    folder = stopped_after(3, whole_run, tmp_path / "run")
    before = (folder / "checkpoint-00000003.pt").read_bytes()
    command = ["--recipe", str(recipe), "--sharp", str(pages), "--output", str(folder), "--resume", "--device", "cpu"]
    command = [sys.executable, "-c", FULL_DISK, str(limit), *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert f"udsd-train: cannot write to {folder} (" in done.stderr
    assert "make room, then go on with --resume" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.glob("checkpoint*")] == ["checkpoint-00000003.pt"]
    assert (folder / "checkpoint-00000003.pt").read_bytes() == before


def test_another_seed_gives_another_run(make_config: MakeConfig, whole_run: Path, tmp_path: Path) -> None:
    Trainer(make_config(**STAGES | {"run": STAGES["run"] | {"seed": 1}}), tmp_path, CPU).fit()
    name = "deblur_model.content_encoder.stem.weight"
    assert not torch.equal(newest(tmp_path)["networks"][name], newest(whole_run)["networks"][name])


def test_losses_are_logged_once_each_at_checkpoints_too(whole_run: Path) -> None:
    with (whole_run / "losses.csv").open() as file:
        rows = [(int(row["step"]), row["loss"]) for row in csv.DictReader(file)]
    warm = ["restoration", "restoration_squared", "kl"]
    unpaired = [
        "adversarial_sharp",
        "adversarial_blurred",
        "cycle_sharp",
        "cycle_blurred",
        "kl",
        "discriminator_sharp",
        "discriminator_blurred",
    ]
    unpaired += ["correlation", "code_spread", "code_sigma"]
    assert rows == [(step, name) for step in range(1, 9) for name in (warm if step <= 4 else unpaired)]


def test_looking_at_samples_does_not_change_the_run(make_config: MakeConfig, whole_run: Path, tmp_path: Path) -> None:
    Trainer(make_config(**STAGES | {"run": STAGES["run"] | {"sample_every": 1}}), tmp_path, CPU).fit()
    assert_same(newest(tmp_path)["networks"], newest(whole_run)["networks"])


def test_sample_grids_are_written_in_time(whole_run: Path) -> None:
    samples = sorted((whole_run / "samples").iterdir())
    assert [path.name for path in samples] == ["00000003.png", "00000006.png"]
    warm = ["blurred", "restored", "sharp"]
    unpaired = ["b: blurred", "s_b: restored", "b^: blurred back", "s: sharp", "b_s: blurred", "s^: restored back"]
    for path, columns in zip(samples, (warm, unpaired), strict=True):
        blank = side_by_side([Image.new("RGB", (32, 32))] * 2 * len(columns), columns * 2, columns=len(columns))
        with Image.open(path) as sheet:
            assert (sheet.size, sheet.mode) == (blank.size, "RGB")


def test_samples_are_looked_at_early(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(
        model={"base_width": 4},
        warm_start={"steps": 102},
        unpaired={"steps": 0, "decay_steps": 0},
        data={"crop_size": 16, "batch_size": 1},
        run={"sample_every": 1000, "log_every": 100},
    )
    Trainer(config, tmp_path, CPU).fit()
    assert [path.name for path in sorted((tmp_path / "samples").iterdir())] == ["00000050.png", "00000100.png"]
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in board.Images("samples")] == [50, 100]
    assert [event.step for event in board.Scalars("learning_rate/warm_start")] == [100, 102]


def test_learning_rates_shown_are_those_of_the_stage(make_config: MakeConfig, tmp_path: Path) -> None:
    Trainer(
        make_config(**STAGES | {"unpaired": {"discriminator_rate": 2.0, "steps": 2, "decay_steps": 2}}), tmp_path, CPU
    ).fit()
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    rates = {tag: {event.step: event.value for event in board.Scalars(tag)} for tag in board.Tags()["scalars"]}
    assert rates["learning_rate/warm_start"].keys() == {1, 2, 3, 4}
    assert rates["learning_rate/generators"].keys() == {5, 6, 7, 8}
    assert rates["learning_rate/discriminators"][5] == pytest.approx(2 * rates["learning_rate/generators"][5])


def test_a_run_says_what_it_does_and_what_came_of_it(
    make_config: MakeConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    trainer = Trainer(make_config(warm_start={"steps": 3}), tmp_path, CPU, callback=lambda update: update.step == 2)
    trainer.fit()
    said = [record.getMessage() for record in caplog.records if record.name == "udsd.training.summary"]
    assert said[0] == f"run in {tmp_path}: warm start 3 steps (adam), then unpaired 1 steps and 1 of decay"
    assert said[1] == "networks of width 4; cpu in float32, seed 0"
    assert said[2] == "images: 3 sharp, 3 more to be blurred on the fly; crops of 32 px, 2 a step"
    assert said[3] == "measured on: nothing (give --validation or --validation-pairs)"
    assert said[4].startswith("2 of 5 steps are done, after 0 s; the run is in ")
    assert said[5:] == [
        f"to go on: udsd-train --resume --output {tmp_path}",
        f"to write the model: udsd-train export {tmp_path} -o MODEL/",
    ]


def test_the_average_follows_the_weights_of_each_stage(make_config: MakeConfig, tmp_path: Path) -> None:
    """Its decay rises from a tenth at the first step of the warm start and of the unpaired stage."""
    trainer = Trainer(make_config(warm_start={"steps": 4}, run={"ema_decay": 0.2}), tmp_path, CPU)
    expected = trainer.averaged_model.content_encoder.stem.weight.detach().clone()
    decays = iter([1 / 10, 2 / 11, 0.2, 0.2, 1 / 10, 2 / 11])
    train_step = trainer.learner.step

    def watched(step: int, batch: StepBatch) -> dict[str, Tensor]:
        nonlocal expected
        losses = train_step(step, batch)
        decay = next(decays)
        expected = decay * expected + (1 - decay) * trainer.networks.deblur_model.content_encoder.stem.weight.detach()
        return losses

    trainer.learner.step = watched  # type: ignore[method-assign]
    trainer.fit()
    assert next(decays, None) is None
    torch.testing.assert_close(trainer.averaged_model.content_encoder.stem.weight.detach(), expected)


def test_a_run_of_the_same_folder_is_refused(make_config: MakeConfig, whole_run: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in whole_run.iterdir()}
    with pytest.raises(ConfigError, match="holds a run already; go on with --resume"):
        Trainer(make_config(**STAGES), whole_run, CPU)
    assert {path.name: path.stat().st_mtime_ns for path in whole_run.iterdir()} == before


@pytest.mark.parametrize(
    "sections",
    [{"model": {"base_width": 8}}, {"model": {"residual_output": True}}, {"branches": {"discriminator_width": 8}}],
)
def test_a_run_of_other_networks_is_not_resumed(
    make_config: MakeConfig, whole_run: Path, sections: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match="has other networks"):
        Trainer(make_config(**sections), whole_run, CPU, resume=True)


def test_resuming_what_never_began_begins(make_config: MakeConfig, tmp_path: Path) -> None:
    assert Trainer(make_config(), tmp_path / "run", CPU, resume=True).step == 0


def test_resuming_passes_over_a_broken_checkpoint(
    make_config: MakeConfig, whole_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = stopped_after(3, whole_run, tmp_path / "run")
    (folder / "checkpoint-00000005.pt").write_bytes(b"PK\x03\x04 cut short")
    assert Trainer(make_config(**STAGES), folder, CPU, resume=True).step == 3
    assert "checkpoint-00000005.pt cannot be read" in caplog.text


@pytest.mark.parametrize("spoil", ["config", "networks", "no networks", "step"])
def test_resuming_passes_over_a_checkpoint_of_another_structure(
    make_config: MakeConfig, whole_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: str
) -> None:
    folder = stopped_after(3, whole_run, tmp_path / "run")
    state = load_newest_checkpoint(folder)
    assert state is not None
    if spoil == "config":
        state["config"]["model"]["colours"] = 4
    elif spoil == "networks":
        state["networks"].popitem()
    elif spoil == "no networks":
        del state["networks"]
    else:
        state["step"] = "five"
    torch.save(state, folder / "checkpoint-00000005.pt")
    trainer = Trainer(make_config(**STAGES), folder, CPU, resume=True)
    assert trainer.step == 3
    assert "checkpoint-00000005.pt cannot be read" in caplog.text
    config, _ = load_run(folder)
    assert config.model == trainer.config.model


def test_a_loss_that_is_not_finite_stops_the_run_before_its_checkpoint(
    make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(
        make_config(warm_start={"steps": 9}, run={"checkpoint_every": 2, "keep_checkpoints": 1, "log_every": 50}),
        tmp_path,
        CPU,
    )

    def diverging(*arguments: Any) -> dict[str, Tensor]:
        losses = warm_start_losses(*arguments)
        return losses | {"restoration": losses["restoration"] * (float("nan") if trainer.step == 2 else 1)}

    monkeypatch.setattr(learner_module, "warm_start_losses", diverging)
    with pytest.raises(UdsdError, match="the restoration loss is nan at step 4; resume from the last checkpoint"):
        trainer.fit()
    assert [path.name for path in find_checkpoints(tmp_path)] == ["checkpoint-00000002.pt"]
    state = newest(tmp_path)
    assert all(value.isfinite().all() for value in state["networks"].values())


def test_a_loss_that_is_not_finite_is_found_at_the_end_too(
    make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        UnpairedObjective,
        "discriminator_losses",
        lambda self, *_: {"discriminator_sharp": next(self._networks.sharp_discriminator.parameters()).sum() / 0},
    )
    config = make_config(warm_start={"steps": 0}, unpaired={"decay_steps": 0}, run={"log_every": 50})
    trainer = Trainer(config, tmp_path, CPU)
    with pytest.raises(UdsdError, match=r"the discriminator_sharp loss is -?inf at step 1"):
        trainer.fit()
    assert find_checkpoints(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_run_with_a_checkpoint(
    make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    trainer = Trainer(make_config(warm_start={"steps": 9}), tmp_path, CPU)

    def interrupted(*arguments: Any) -> dict[str, Tensor]:
        if trainer.step == 2:
            os.kill(os.getpid(), number)
        return warm_start_losses(*arguments)

    monkeypatch.setattr(learner_module, "warm_start_losses", interrupted)
    trainer.fit()
    assert trainer.step == 3
    assert newest(tmp_path)["step"] == 3
    assert signal.getsignal(number) is before
    trainer.fit()  # asked again, it goes on
    assert trainer.step == trainer.config.total_steps


def test_an_exported_model_is_the_averaged_one(make_config: MakeConfig, whole_run: Path, tmp_path: Path) -> None:
    trainer = Trainer(make_config(**STAGES), whole_run, CPU, resume=True)
    config, networks = load_run(whole_run)
    assert config == trainer.config
    save_model(networks.deblur_model, tmp_path / "whole", half=False)
    save_model(networks.deblur_model, tmp_path / "half")
    image = torch.rand(1, 3, 40, 36) * 2 - 1
    with torch.inference_mode():
        expected = trainer.averaged_model(image)
        plain = trainer.networks.deblur_model(image)
        torch.testing.assert_close(load_model_folder(tmp_path / "whole")(image), expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(load_model_folder(tmp_path / "half")(image), expected, atol=0.02, rtol=0)
    assert not torch.allclose(plain, expected, atol=1e-5)


def test_there_must_be_a_run_to_load(tmp_path: Path) -> None:
    with pytest.raises(UdsdError, match="holds no checkpoint; give the --output folder"):
        load_run(tmp_path)
    (tmp_path / "checkpoint-00000001.pt").write_bytes(b"broken")
    with pytest.raises(WeightsError, match="none of the 1 checkpoints"):
        load_run(tmp_path)


def test_a_run_without_steps_is_refused(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(warm_start={"steps": 0}, unpaired={"steps": 0, "decay_steps": 0})
    with pytest.raises(ConfigError, match="the run has no steps"):
        Trainer(config, tmp_path, CPU)


def test_a_run_cannot_go_where_a_file_is(make_config: MakeConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for output in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(ConfigError, match=r"cannot make the folder .*choose another one"):
            Trainer(make_config(), output, CPU)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_without_images_leaves_nothing_behind(make_config: MakeConfig, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such folder"):
        Trainer(make_config(data={"sharp": [str(tmp_path / "missing")]}), tmp_path / "run", CPU)
    assert not (tmp_path / "run").exists()


def test_blurred_images_of_ones_own_are_taken(make_config: MakeConfig, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "blurred").mkdir()
    Image.fromarray(random.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(tmp_path / "blurred" / "a.png")
    config = make_config(data={"blurred": [str(tmp_path / "blurred")]}, warm_start={"steps": 0})
    trainer = Trainer(config, tmp_path / "run", CPU)
    trainer.fit()
    assert trainer.step == 2


def test_a_trained_model_can_be_where_a_run_starts(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config()
    initial = DeblurModel(config.model)
    trainer = Trainer(config, tmp_path / "run", CPU, initial=initial)
    image = torch.rand(1, 3, 32, 32)
    expected = initial(image)
    torch.testing.assert_close(trainer.networks.deblur_model(image), expected)
    torch.testing.assert_close(trainer.averaged_model(image), expected)
    assert torch.equal(
        trainer.networks.sharp_content_encoder.stem.weight, trainer.networks.deblur_model.content_encoder.stem.weight
    )


def test_a_narrower_model_is_widened_to_start_from(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(model={"base_width": 8})
    initial = DeblurModel(replace(config.model, base_width=4))
    trainer = Trainer(config, tmp_path / "run", CPU, initial=initial)
    image = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(trainer.networks.deblur_model(image), initial(image))
    trainer.fit()
    assert trainer.step == 4


def test_a_model_for_other_pictures_is_a_place_to_start(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config()
    config = replace(config, model=replace(config.model, domain=DomainConfig("page", (20.0, 30.0))))
    initial = DeblurModel(replace(config.model, domain=DomainConfig("face", (150.0, 171.0))))
    trainer = Trainer(config, tmp_path / "run", CPU, initial=initial)
    assert trainer.networks.deblur_model.config.domain == DomainConfig("page", (20.0, 30.0))


@pytest.mark.parametrize("recipe", ["text", "text-small", "face"])
def test_bundled_models_expect_what_their_recipes_say(recipe: str) -> None:
    trained = TrainingConfig.from_toml(recipe_path(recipe), {}).model
    assert trained.domain == read_config(BUNDLED_MODELS / recipe).domain
    assert trained.domain is not None


@pytest.mark.parametrize("changed", [{"base_width": 8}, {"residual_blocks": 2}])
def test_a_wider_or_deeper_model_is_no_place_to_start(
    changed: dict[str, int], make_config: MakeConfig, tmp_path: Path
) -> None:
    config = make_config()
    with pytest.raises(ConfigError, match=r"start from|multiple"):
        Trainer(config, tmp_path / "run", CPU, initial=DeblurModel(replace(config.model, **changed)))


def test_a_perceptual_loss_needs_its_network(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(loss={"perceptual": 0.1})
    with pytest.raises(ConfigError, match="vgg-weights"):
        Trainer(config, tmp_path / "run", CPU)
    Trainer(config, tmp_path / "run", CPU, vgg=VGG19Features()).fit()
    assert ",perceptual," in (tmp_path / "run" / "losses.csv").read_text()


def test_the_released_recipe_trains(make_config: MakeConfig, tmp_path: Path) -> None:
    """All of its settings at once, but for sizes."""
    released = TrainingConfig.from_toml(recipe_path("released")).to_dict()
    tiny = make_config(data={"crop_size": 64, "batch_size": 2}).to_dict()
    sections = {name: released[name] for name in ("objective", "loss", "run")}
    sections["branches"] = {**released["branches"], "discriminator_width": 4}
    sections["unpaired"] = {**released["unpaired"], "epochs": 0, "decay_epochs": 0, "steps": 2, "decay_steps": 2}
    config = TrainingConfig.from_dict({**tiny, **sections, "warm_start": {"steps": 0}})
    Trainer(config, tmp_path / "run", CPU, vgg=VGG19Features()).fit()
    losses = {row.split(",")[1] for row in (tmp_path / "run" / "losses.csv").read_text().splitlines()[1:]}
    assert {"random_perceptual", "perceptual", "latent", "identity", "discriminator_random"} <= losses


def test_kernels_of_four_pixels_need_crops_that_they_fit(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(data={"crop_size": 60}, branches={"discriminator_kernel": 4})
    with pytest.raises(ConfigError, match=r"crop_size is 60, too small .* give crops of 64 pixels"):
        Trainer(config, tmp_path / "run", CPU)


def test_the_perceptual_loss_of_the_warm_start_needs_it_too(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(loss={"perceptual": 0.0, "restoration_perceptual": 0.1})
    with pytest.raises(ConfigError, match="vgg-weights"):
        Trainer(config, tmp_path / "run", CPU)
    Trainer(config, tmp_path / "run", CPU, vgg=VGG19Features()).fit()
    assert ",restoration_perceptual," in (tmp_path / "run" / "losses.csv").read_text()


KILLED = """
import io, os, signal, sys
import torch
from udsd.training import learner, monitor
from udsd.cli.train import main

kind, when, seen = sys.argv[1], int(sys.argv[2]), {"step": 0, "log": 0, "save": 0}

def is_the_end(what):
    seen[what] += 1
    return what == kind and seen[what] == when

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def step(*arguments, take_step=learner.Learner.step):
    losses = take_step(*arguments)
    return die() if is_the_end("step") else losses

def write(*arguments, write_line=monitor.LossLog.write):
    write_line(*arguments)
    if is_the_end("log"):
        die()

def save(state, file, save_all=torch.save):
    if is_the_end("save"):
        whole = io.BytesIO()
        save_all(state, whole)
        file.write(whole.getvalue()[:len(whole.getvalue()) // 2])
        file.flush()
        die()
    save_all(state, file)

learner.Learner.step, monitor.LossLog.write, torch.save = step, write, save
sys.exit(main(sys.argv[3:]))
"""
"""Dies at the given event after its beginning: a step, a line of losses.csv, or in the middle of a checkpoint."""


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_as_an_uninterrupted_one(
    make_config: MakeConfig, pages: Path, tmp_path: Path
) -> None:
    steps = {"warm_start": {"steps": 20}, "unpaired": {"steps": 20, "decay_steps": 0}}
    config = make_config(**STAGES | steps | {"run": STAGES["run"] | {"checkpoint_every": 3, "keep_checkpoints": 2}})
    Trainer(config, tmp_path / "whole", CPU).fit()
    (tmp_path / "recipe.toml").write_text(to_toml(config.to_dict()))
    command = ["--recipe", str(tmp_path / "recipe.toml"), "--sharp", str(pages), "--device", "cpu"]
    command += ["--output", str(tmp_path / "run"), "--resume"]
    saved = []
    for event, count in (("step", 14), ("save", 2), ("log", 6)):
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, event, str(count), *command],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        saved.append(newest(tmp_path / "run")["step"])
    assert saved == [12, 15, 30]  # so each went on from what the one before had left
    Trainer(config, tmp_path / "run", CPU, resume=True).fit()
    assert_same(newest(tmp_path / "run"), newest(tmp_path / "whole"))
    assert (tmp_path / "run" / "losses.csv").read_bytes() == (tmp_path / "whole" / "losses.csv").read_bytes()
