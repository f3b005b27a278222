from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.runs import TINY, merged
from udsd import Deblurrer
from udsd.cli.train import main
from udsd.errors import ConfigError
from udsd.extras import install_command
from udsd.models import DeblurModel, ModelConfig
from udsd.models.config import DomainConfig
from udsd.pretrained import save_model
from udsd.training.checkpoint import find_checkpoints
from udsd.training.config import TrainingConfig
from udsd.training.recipe_files import bundled_recipes, recipe_path
from udsd.training.runs import load_run

SETTINGS = [
    f"{section}.{key}={json.dumps(value)}"
    for section, values in merged(TINY, {"unpaired": {"decay_steps": 0}}).items()
    for key, value in values.items()
]


def settings(*more: str) -> list[str]:
    """Both stages in a few steps of tiny networks."""
    return ["--recipe", "paper", *(word for setting in (*SETTINGS, *more) for word in ("--set", setting))]


@pytest.fixture(scope="module")
def run(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run made by the command."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["--sharp", str(pages), "--output", str(folder), "--device", "cpu", *settings()]) == 0
    return folder


def test_a_run_is_trained_and_exported(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [path.name for path in find_checkpoints(run)] == ["checkpoint-00000003.pt"]
    assert "cycle_sharp" in (run / "losses.csv").read_text()
    model = tmp_path / "model"
    assert main(["export", str(run), "-o", str(model), "--licence", "Apache-2.0"]) == 0
    assert capsys.readouterr().out == f"{model}: load it with Deblurrer.from_pretrained({str(model)!r})\n"
    assert "base_width = 4" in (model / "README.md").read_text()
    assert "\nlicense: apache-2.0\n" in (model / "README.md").read_text()
    files = {"config.json", "model.safetensors", "README.md"}
    assert {path.name for path in model.iterdir()} == files
    assert Deblurrer.from_pretrained(str(model)).deblur(Image.new("RGB", (33, 21), "gray")).size == (33, 21)


def test_settings_and_folders_reach_the_run(run: Path, pages: Path, tmp_path: Path) -> None:
    config, _ = load_run(run)
    assert (config.model.base_width, config.branches.discriminator_width) == (4, 4)
    assert config.data.sharp == (str(pages),)
    assert config.data.blurred == ()
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("[loss]\nkl = 0.5\ncycle_sharp = 3.0\n")
    blurred = tmp_path / "blurred"
    blurred.mkdir()
    Image.new("RGB", (40, 40), "gray").save(blurred / "a.png")
    both = ["--sharp", str(pages), "--sharp", str(pages), "--blurred", str(blurred)]
    more = settings("loss.cycle_sharp=4.0", "warm_start.steps=0")
    assert main([*both, "--output", str(tmp_path / "run"), *more, "--recipe", str(recipe)]) == 0
    config, _ = load_run(tmp_path / "run")
    assert (config.loss.kl, config.loss.cycle_sharp) == (0.5, 4.0)
    assert (config.data.sharp, config.data.blurred) == ((str(pages),) * 2, (str(blurred),))


def test_a_run_goes_on_with_more_steps_if_it_is_told_to(
    run: Path, pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = shutil.copytree(run, tmp_path / "run")
    command = ["--sharp", str(pages), "--output", str(longer), "--resume", *settings("unpaired.steps=3")]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "has other settings: unpaired.steps from 1 to 3; leave them as they were, or go on with" in error
    assert main([*command, "--change-settings"]) == 0
    assert find_checkpoints(longer)[-1].name == "checkpoint-00000005.pt"
    steps = [line.split(",")[0] for line in (longer / "losses.csv").read_text().splitlines() if ",kl," in line]
    assert steps == ["1", "2", "3", "4", "5"]


def test_resuming_needs_nothing_but_the_folder(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    before, _ = load_run(folder)
    assert main(["--resume", "--output", "run"]) == 0
    assert load_run(folder)[0] == before
    assert find_checkpoints(folder)[-1].name == "checkpoint-00000003.pt"
    (folder / "config.toml").unlink()  # as a run of an earlier version
    more = ["--set", "unpaired.steps=2", "--change-settings"]
    assert main(["--resume", "--output", "run", *more]) == 0
    assert find_checkpoints(folder)[-1].name == "checkpoint-00000004.pt"
    after, _ = load_run(folder)
    assert after == replace(before, unpaired=replace(before.unpaired, steps=2))
    assert main(["--resume", "--output", "run"]) == 0  # the new settings are the run's from now on
    assert main(["--resume", "--output", "run", "--set", "run.seed=3", "--set", "data.batch_size=1"]) == 2
    assert "data.batch_size from 2 to 1; run.seed from 0 to 3" in capsys.readouterr().err


def test_what_concerns_the_machine_alone_may_change(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    assert main(["--resume", "--output", str(folder), "--set", "data.workers=0", "--device", "cpu"]) == 0


def test_epochs_take_the_place_of_the_steps_they_were_counted_as(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    changed = ["--change-settings", "--set", "unpaired.epochs=1"]
    assert main(["--resume", "--output", str(folder), *changed]) == 0
    assert load_run(folder)[0].unpaired.steps == 2  # three images on each side, two in a batch


def test_a_run_killed_before_its_first_checkpoint_is_resumed_with_its_settings(run: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    shutil.copy(run / "config.toml", tmp_path / "run")
    assert main(["--resume", "--output", str(tmp_path / "run")]) == 0
    assert load_run(tmp_path / "run")[0] == load_run(run)[0]


def test_the_settings_of_a_run_are_a_recipe(run: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert main(["--recipe", str(run / "config.toml"), "--output", str(again)]) == 0
    assert load_run(again)[0] == load_run(run)[0]
    assert (again / "config.toml").read_bytes() == (run / "config.toml").read_bytes()
    assert (again / "losses.csv").read_bytes() == (run / "losses.csv").read_bytes()


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(
    run: Path, pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = ["--sharp", str(pages), "--output", str(tmp_path / "new"), "--dry-run", "--device", "cpu"]
    assert main([*new, *settings()]) == 0
    said = capsys.readouterr().out
    assert "warm start 2 steps (adam), then unpaired 1 steps and 0 of decay" in said
    assert "networks of width 4; cpu in float32" in said
    assert "3 sharp, 3 more to be blurred on the fly; crops of 32 px, 2 a step" in said
    assert "nothing written" in said
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    for how, expected in (("--resume", "going on at step 3"), ("--overwrite", "warm start 2 steps")):
        assert main(["--sharp", str(pages), "--output", str(run), how, "--dry-run", *settings()]) == 0
        assert expected in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before
    assert main([*new, *settings("data.crop_size=30")]) == 2
    assert list(tmp_path.iterdir()) == []


def test_help_shows_recipes_examples_and_other_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for name in bundled_recipes():
        assert f"\n  {name} " in said
    assert "udsd-train --resume --output runs/mine" in said
    for command in ("export RUN -o DIR", "settings [RECIPE]", "prepare-pages PDF... -o DIR"):
        assert f"udsd-train {command}" in said


def test_settings_are_listed_with_their_types_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    defaults = capsys.readouterr().out
    for name in changed_settings_names():
        assert f"  {name} = " in defaults
    assert "  warm_start.steps = 0  (whole number)\n      Number of steps; 0 leaves the stage out" in defaults
    assert '  warm_start.optimizer = "adam"  (one of adam, muon)' in defaults
    assert main(["settings", "text-small"]) == 0
    assert "  warm_start.steps = 7500  (whole number)" in capsys.readouterr().out
    assert main(["settings", "nonesuch"]) == 2
    assert "no recipe 'nonesuch'" in capsys.readouterr().err


def changed_settings_names() -> list[str]:
    values = TrainingConfig().to_dict()
    return [f"{section}.{name}" for section, settings in values.items() for name in settings]


def test_progress_without_a_terminal_is_plain_lines(pages: Path, tmp_path: Path) -> None:
    command = ["--sharp", str(pages), "--output", str(tmp_path / "run"), "--device", "cpu", *settings()]
    done = subprocess.run([sys.executable, "-m", "udsd.training", *command], capture_output=True, check=True)
    assert b"\r" not in done.stderr
    assert b"run in " in done.stderr
    assert b"3 of 3 steps are done" in done.stderr
    assert b"udsd-train export " in done.stderr


def test_the_smallest_crops_that_kernels_allow_are_trained_on(pages: Path, tmp_path: Path) -> None:
    smallest = settings("branches.blur=path", "data.crop_size=36", "loss.low_frequency=1", "loss.r1=1")
    assert main(["--sharp", str(pages), "--output", str(tmp_path / "path"), *smallest]) == 0
    smallest = settings("data.crop_size=16", "loss.random_code=1", "loss.identity=1", "loss.low_frequency=1")
    assert main(["--sharp", str(pages), "--output", str(tmp_path / "network"), *smallest]) == 0


def test_a_few_images_of_all_modes_and_sizes_are_trained_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for mode, name, size in [
        ("1", "bits.png", (50, 40)),
        ("L", "grey.jpg", (300, 17)),
        ("P", "palette.gif", (40, 40)),
        ("RGBA", "alpha.png", (33, 47)),
        ("CMYK", "print.jpg", (64, 64)),
        ("I;16", "deep.png", (40, 60)),
        ("RGB", "dot.bmp", (1, 1)),
    ]:
        random = np.random.default_rng(len(name)).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        picture = Image.fromarray(random)
        picture = picture.convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode)
        picture.save(folder / name)
    run = ["--sharp", str(folder), "--validation", str(folder), "--output", str(tmp_path / "run"), "--device", "cpu"]
    assert main(["--sharp", str(folder), "--output", str(tmp_path / "run"), "--device", "cpu", *settings()]) == 0
    assert "smaller than a crop of 32 px" in caplog.text
    assert main([*run, "--overwrite", *settings()]) == 2  # all of them are trained on


def test_pages_are_prepared_from_files_and_folders(
    make_pdf: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    single = make_pdf(tmp_path / "single" / "a.pdf", ["0 0 72 72 re f"] * 3)
    make_pdf(tmp_path / "many" / "below" / "B.PDF", ["0 0 72 72 re f"])
    out = tmp_path / "out"
    options = ["--dpi", "50", "50", "--pages-per-document", "2"]
    assert main(["prepare-pages", str(single), str(tmp_path / "many"), "-o", str(out), *options]) == 0
    assert capsys.readouterr().out == f"3 pages in {out}\n"
    assert sorted(path.name for path in out.iterdir()) == [
        "below-B-p0001.png",
        "single-a-p0001.png",
        "single-a-p0003.png",
    ]
    with Image.open(out / "below-B-p0001.png") as page:
        assert page.size == (50, 100)


def test_documents_are_split_for_training_and_testing(
    make_pdf: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [f"folder{number}" for number in range(30)]
    for name in folders:
        make_pdf(tmp_path / "documents" / name / "a.pdf", ["0 0 72 72 re f"])
    written = {}
    for split in ("train", "test"):
        out = tmp_path / split
        given = ["prepare-pages", str(tmp_path / "documents"), "-o", str(out), "--dpi", "50", "50"]
        assert main([*given, "--split", split]) == 0
        written[split] = {path.name.partition("-")[0] for path in out.iterdir()}
    assert written["train"] | written["test"] == set(folders)
    assert not written["train"] & written["test"]
    assert 0 < len(written["test"]) < 10
    capsys.readouterr()


def test_bundled_recipes_are_found_by_name_and_others_by_path(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.touch()
    assert recipe_path("paper").name == "paper.toml"
    assert recipe_path(str(own)) == own
    names = "automatic, face, face-small, paper, plate, released, text"
    with pytest.raises(ConfigError, match=f"no recipe 'papper'; give a TOML file or one of: {names}"):
        recipe_path("papper")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--output {new}", "there are no images; give --sharp DIR"),
        ("--sharp {missing} --output {new}", "no such folder"),
        ("--sharp {empty} --output {new}", "holds no images"),
        ("--sharp {pages} --blurred {empty} --output {new}", "holds no images"),
        ("--sharp {file} --output {new}", "is a file; give a folder"),
        ("--sharp {pages} --output {file}", "cannot make the folder"),
        ("--sharp {pages} --output {run}", "holds a run already"),
        ("--sharp {pages} --output {run} --resume --set model.base_width=8", "other networks"),
        ("--sharp {pages} --output {run} --resume --set branches.discriminator_width=8", "other networks"),
        ("--sharp {pages} --output {new} --recipe nonesuch", "no recipe 'nonesuch'"),
        ("--sharp {pages} --output {new} --recipe {file}", "cannot read the recipe"),
        ("--sharp {pages} --output {new} --device tpu", "'tpu'"),
        ("--sharp {pages} --output {new} --device cuda:99", "cuda:99"),
        ("--sharp {pages} --output {new} --set steps", "SECTION.KEY=VALUE"),
        ("--sharp {pages} --output {new} --set warm_start.step=5", "did you mean steps?"),
        ("--sharp {pages} --output {new} --set data.batch_size=many", "data.batch_size is 'many'"),
        ("--sharp {pages} --output {new} --set data.crop_size=30", "crop_size is 30"),
        ("--sharp {pages} --output {new} --set data.crop_size=100000", "multiple of 4 from 16 to 2048"),
        ("--sharp {pages} --output {new} --set branches.blur=path", "crop_size is 32, too small .* crops of 36 pixels"),
        ("--sharp {pages} --blurred {pages} --output {new}", "all blurred images are among the sharp ones"),
        ("--sharp {pages} --output {new} --set data.cache_gigabytes=inf", "cache_gigabytes is inf"),
        ("--sharp {pages} --output {new} --set loss.kl=-1", "weight of the kl loss is -1"),
        ("--sharp {pages} --output {new} --set run.seed=-1", "seed is -1"),
        ("--sharp {pages} --output {new} --recipe {zero} --set warm_start.steps=0 --set unpaired.steps=0", "no steps"),
        ("--sharp {pages} --output {new} --validation {missing}", "no such folder"),
        ("--sharp {pages} --output {new} --validation {pages}", "all validation images are among the training ones"),
        ("--sharp {pages} --output {new} --vgg-weights {missing}", "missing"),
        ("--sharp {pages} --output {new} --validation-pairs {missing} {pages}", "no such folder"),
        ("--sharp {pages} --output {new} --set data.validation_pairs=['a']", "give a folder of blurred and one of"),
        ("export {missing} -o {new}", "holds no checkpoint"),
        ("export {empty} -o {new}", "holds no checkpoint"),
        ("export {broken} -o {new}", "none of the 1 checkpoints"),
        ("export {run} -o {file}", "cannot write the model folder"),
        ("prepare-pages {missing} -o {new}", "no PDF file and no folder with PDF files"),
        ("prepare-pages {empty} -o {new}", "no PDF file and no folder with PDF files"),
        ("prepare-pages {file} -o {new}", "no page could be rendered"),
        ("prepare-pages {file} -o {new} --dpi 200 100", "dpi is 200 to 100"),
        ("prepare-pages {file} -o {new} --pages-per-document 0", "pages_per_document is 0"),
    ],
)
def test_bad_input_exits_with_one_line(
    arguments: str, message: str, run: Path, pages: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    places = {name: tmp_path / name for name in ("missing", "empty", "broken", "file", "zero", "new")}
    for name in ("empty", "broken"):
        places[name].mkdir()
    places["file"].write_text("no PDF, no TOML, no folder")
    places["zero"].write_text("")
    (places["broken"] / "checkpoint-00000001.pt").write_bytes(b"broken")
    command = [word.format(run=run, pages=pages, **places) for word in arguments.split(" ")]
    if command[0] not in ("export", "prepare-pages"):
        command = [*settings(), *command]
    assert main(command) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("udsd-train: ")
    assert message in line or re.search(message, line)
    assert not places["new"].exists()


@pytest.mark.parametrize("arguments", [[], ["--output"], ["export"], ["prepare-pages"], ["--nonesuch"]])
def test_missing_arguments_exit_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_overwriting_begins_anew(run: Path, pages: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    again = ["--sharp", str(pages), "--output", str(folder), "--overwrite", *settings("warm_start.steps=1")]
    assert main(again) == 0
    assert [path.name for path in find_checkpoints(folder)] == ["checkpoint-00000002.pt"]


def test_overwriting_with_a_mistake_loses_nothing(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    before = sorted(path.name for path in folder.rglob("*"))
    assert main(["--sharp", str(tmp_path / "missing"), "--output", str(folder), "--overwrite", *settings()]) == 2
    assert sorted(path.name for path in folder.rglob("*")) == before


def test_a_setting_that_does_not_fit_the_model_to_start_from_is_refused(
    run: Path, pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    assert main(["export", str(run), "-o", str(model)]) == 0
    start = ["--sharp", str(pages), "--init", str(model)]
    assert main([*start, "--output", str(tmp_path / "a"), *settings("model.residual_blocks=2")]) == 2
    assert "start from" in capsys.readouterr().err
    assert main([*start, "--output", str(tmp_path / "b"), *settings()]) == 0


def test_what_pictures_a_model_is_for_is_not_taken_over(
    pages: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    domain = DomainConfig("page", (20.0, 30.0), polarity="any")
    weights = DeblurModel(
        ModelConfig(base_width=8, residual_blocks=2, residual_output=True, balance_white=True, domain=domain)
    )
    save_model(weights, tmp_path / "model")
    own = [setting for setting in SETTINGS if not setting.startswith("model.")]
    command = ["--sharp", str(pages), "--init", str(tmp_path / "model"), "--device", "cpu"]
    command += [word for setting in own for word in ("--set", setting)]
    assert main([*command, "--output", str(tmp_path / "plain")]) == 0
    config, _ = load_run(tmp_path / "plain")
    assert config.model == ModelConfig(base_width=8, residual_blocks=2, residual_output=True)
    assert config.run.init == str(tmp_path / "model")
    assert "scales paper to white, this run does not" in caplog.text
    caplog.clear()
    wanted = ["--set", "model.balance_white=true", "--set", 'model.domain={kind="page", size=[10, 20]}']
    assert main([*command, *wanted, "--set", "model.base_width=16", "--output", str(tmp_path / "wanted")]) == 0
    config, _ = load_run(tmp_path / "wanted")
    assert (config.model.base_width, config.model.balance_white) == (16, True)
    assert config.model.domain == DomainConfig("page", (10.0, 20.0))
    assert "this run does not" not in caplog.text
    shutil.rmtree(tmp_path / "model")  # of which a run that goes on has no need
    assert main(["--resume", "--output", str(tmp_path / "wanted")]) == 0


def test_a_training_state_beside_the_model_is_taken_up(run: Path, pages: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    assert main(["export", str(run), "-o", str(model), "--training-state"]) == 0
    assert {path.name for path in model.iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
        "training_state.safetensors",
    }
    assert Deblurrer.from_pretrained(str(model)).deblur(Image.new("RGB", (33, 21), "gray")).size == (33, 21)
    start = ["--sharp", str(pages), "--init", str(model), *settings("unpaired.learning_rate=1e-9")]
    assert main([*start, "--output", str(tmp_path / "next")]) == 0
    _, before = load_run(run)
    _, after = load_run(tmp_path / "next")
    for name, tensor in before.training_state().items():
        torch.testing.assert_close(after.state_dict()[name], tensor, atol=1e-6, rtol=0)
    assert any(name.startswith("sharp_discriminator") for name in before.training_state())


def test_a_training_state_of_other_networks_or_broken_is_refused(
    run: Path, pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    assert main(["export", str(run), "-o", str(model), "--training-state"]) == 0
    start = ["--sharp", str(pages), "--init", str(model), "--output", str(tmp_path / "next")]
    assert main([*start, *settings("branches.discriminator_width=8")]) == 2
    assert "blurred_discriminator.scales.0.0.bias is (4,) in the file and (8,) in the run" in capsys.readouterr().err
    assert main([*start, *settings("loss.random_code=1")]) == 2
    assert "random_discriminators.0.scales.0.0.bias is missing in the file" in capsys.readouterr().err
    (model / "training_state.safetensors").write_bytes(b"broken")
    assert main([*start, *settings()]) == 2
    assert "training_state.safetensors cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "next").exists()


def test_the_state_of_training_comes_from_the_folder_that_the_weights_come_from(
    run: Path, pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is called like a model of the zoo, but is none, is not looked into."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text-small").mkdir()
    (tmp_path / "text-small" / "training_state.safetensors").write_bytes(b"of something else")
    start = ["--sharp", str(pages), "--init", "text-small", "--output", str(tmp_path / "next")]
    widths = settings("model.base_width=32", "model.residual_blocks=4")
    assert main([*start, *widths, "--set", "warm_start.steps=0"]) == 0


@pytest.mark.parametrize(
    ("arguments", "status", "output"),
    [
        (["--help"], 0, "usage: udsd-train"),
        (["--version"], 0, "udsd-train 0."),
        (["--sharp", "a", "--output", "b"], 2, ""),
    ],
)
def test_without_its_extra_training_says_so_in_one_line(arguments: list[str], status: int, output: str) -> None:
    result = run_without_accelerate(arguments)
    assert result.returncode == status
    assert result.stdout.startswith(output)
    (line,) = result.stderr.splitlines()
    assert f"(accelerate is missing); run: {install_command('train')}" in line
    assert '"accelerate>=' in line


def test_what_needs_no_training_runs_without_its_extra(run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.pdf").write_bytes(b"")
    exported = run_without_accelerate(["export", str(run), "-o", str(tmp_path / "model")])
    assert (exported.returncode, exported.stderr) == (0, "the weights of step 3; they were not measured\n")
    rendered = run_without_accelerate(["prepare-pages", str(tmp_path / "empty.pdf"), "-o", str(tmp_path / "pages")])
    assert "no page could be rendered from 1 document(s)" in rendered.stderr


def run_without_accelerate(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    code = f"""
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "accelerate" else find(name, package)
sys.modules["accelerate"] = None
from udsd.cli.train import main
sys.exit(main({arguments}))
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
