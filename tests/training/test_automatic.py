"""Runs without a recipe: what is given decides what is done."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.degradation.test_blur_set import blurs_of
from tests.drawings import EXTENT, drawing, extents, through_blur
from udsd.cli.train import main
from udsd.errors import ConfigError, ImageError
from udsd.estimation import WHOLE, BlurEstimator, Round
from udsd.evaluation.vgg import VGG19Features
from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained import save_model
from udsd.training import automatic, image_pool, learnt_blur, length, train
from udsd.training.automatic import chosen_config
from udsd.training.checkpoint import find_checkpoints
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.data_config import DataConfig
from udsd.training.length import StepTimes
from udsd.training.runs import load_trained, read_run_config

TINY = {
    "model": {"base_width": 4, "residual_blocks": 1},
    "run": {"init": ""},
    "data": {"crop_size": 32, "batch_size": 2, "workers": 0},
}
STEPS = {**TINY, "warm_start": {"steps": 3}}


def save_drawings(folder: Path, count: int, seed: int, *, blurred: bool = False) -> Path:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    blur = blurs_of([10 * np.exp(0.5j)], noise=2)
    for number in range(count):
        image = drawing(random, 96)
        levels = through_blur(image, blur, random) if blurred else image
        Image.fromarray(levels.astype(np.uint8)).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders ``sharp`` and ``blurred`` of other scenes, and ``pairs/sharp`` with ``pairs/blurred``."""
    folder = tmp_path_factory.mktemp("automatic")
    save_drawings(folder / "sharp", 12, 0)
    save_drawings(folder / "blurred", 8, 1, blurred=True)
    save_drawings(folder / "pairs" / "sharp", 10, 2)
    save_drawings(folder / "pairs" / "blurred", 10, 2, blurred=True)
    return folder


@pytest.fixture(scope="module", autouse=True)
def few_simulations() -> Iterator[None]:
    """The same estimate of the blur, with a thirtieth of the simulated images."""
    few = (Round(150, 10, 4, 1.0), Round(100, 10, 8, 0.5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(automatic, "WHOLE", replace(WHOLE, rounds=few))
        yield


@pytest.fixture(scope="module")
def run(folders: Path, few_simulations: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on sharp and blurred images."""
    run = tmp_path_factory.mktemp("run") / "run"
    command = ["--sharp", str(folders / "sharp"), "--blurred", str(folders / "blurred"), "--output", str(run)]
    assert main([*command, *words(STEPS)]) == 0
    return run


def words(settings: dict[str, dict[str, object]]) -> list[str]:
    named = [
        f"{section}.{name}={json.dumps(value)}" for section, table in settings.items() for name, value in table.items()
    ]
    return [word for setting in named for word in ("--set", setting)]


def weights(run: Path) -> torch.Tensor:
    model = load_trained(run, last=True).networks.deblur_model
    return torch.cat([value.flatten() for value in model.state_dict().values()])


class TestBlurred:
    def test_the_blur_is_learnt_and_trained_on(self, run: Path) -> None:
        config = read_run_config(run)
        assert config is not None
        assert config.blur.learnt == str(run / "blur.safetensors")
        assert config.data.blurred == ()
        found = BlurEstimator.load(run / "blur.safetensors").blurs
        assert np.median(extents(found)[found.moves]) == pytest.approx(EXTENT, rel=0.5)

    def test_a_report_shows_it(self, run: Path) -> None:
        assert {path.name for path in (run / "blur").iterdir()} == {
            "README.md",
            "blur.toml",
            "histograms.png",
            "kernels.png",
        }

    def test_the_model_comes_with_it(self, run: Path, tmp_path: Path) -> None:
        assert main(["export", str(run), "-o", str(tmp_path / "model")]) == 0
        assert (tmp_path / "model" / "blur.safetensors").read_bytes() == (run / "blur.safetensors").read_bytes()

    def test_some_sharp_images_are_held_out_and_measured(self, run: Path) -> None:
        scores = load_trained(run).scores
        assert scores.start is not None
        assert scores.start.step == 0
        assert "validation_psnr" in scores.blurred

    @pytest.mark.parametrize("moment", ["while the blur is learnt", "before the first step"])
    def test_an_interrupted_run_goes_on_with_resume_alone(
        self, moment: str, run: Path, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        again = tmp_path / "run"
        command = ["--sharp", str(folders / "sharp"), "--blurred", str(folders / "blurred"), "--output", str(again)]
        with monkeypatch.context() as patch:
            if moment == "while the blur is learnt":
                patch.setattr(learnt_blur, "learn_blur", stop)
            else:
                patch.setattr("udsd.cli.training.make_trainer", stop)
            assert main([*command, *words(STEPS)]) == 130
        assert (again / "blur.safetensors").exists() == (moment == "before the first step")
        assert not find_checkpoints(again)
        assert main(["--resume", "--output", str(again)]) == 0
        assert torch.equal(weights(again), weights(run))

    def test_the_same_command_with_resume_goes_on(self, run: Path, folders: Path, tmp_path: Path) -> None:
        again = shutil.copytree(run, tmp_path / "again")
        command = ["--sharp", str(folders / "sharp"), "--blurred", str(folders / "blurred"), "--output", str(again)]
        assert main([*command, *words(STEPS), "--resume"]) == 0
        train(folders / "sharp", again, blurred=folders / "blurred", settings=flat(STEPS), resume=True)
        with pytest.raises(ConfigError, match=r"data\.blurred from \[\] to"):
            train(folders / "sharp", again, blurred=folders / "pairs" / "blurred", settings=flat(STEPS), resume=True)

    def test_a_run_goes_on_wherever_it_is_moved(
        self, run: Path, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        again = shutil.copytree(run, tmp_path / "again")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert 'learnt = "blur.safetensors"' in (again / "config.toml").read_text()
        more = ["--set", "warm_start.steps=4", "--change-settings"]
        assert main(["--resume", "--output", os.path.relpath(again), *more]) == 0
        assert load_trained(again, last=True).step == 4
        # As a recipe, too.
        recipe = ["--recipe", str(again / "config.toml"), "--sharp", str(folders / "sharp")]
        assert main([*recipe, "--output", str(tmp_path / "other")]) == 0
        assert load_trained(tmp_path / "other").config.blur.learnt == str(again / "blur.safetensors")

    def test_a_blur_that_is_given_is_found_from_elsewhere(
        self, run: Path, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(run.parent)
        settings = {**flat(STEPS), "blur.learnt": f"{run.name}/blur.safetensors"}
        train(folders / "sharp", tmp_path / "new", settings=settings)
        monkeypatch.chdir(tmp_path)
        more = {"warm_start.steps": 4}
        train(None, "new", settings=more, resume=True, change_settings=True)
        assert load_trained(tmp_path / "new", last=True).step == 4

    def test_the_blur_of_other_images_is_not_taken(
        self, folders: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        output = tmp_path / "run"
        blurred = (str(folders / "pairs" / "blurred"),)
        data = {**TINY["data"], "sharp": (str(folders / "sharp"),)}
        chosen_config(output, None, {**STEPS, "data": {**data, "blurred": blurred}})
        of_others = (output / "blur.safetensors").read_bytes()
        with pytest.raises(ImageError):
            chosen_config(output, None, {**STEPS, "data": {**data, "blurred": (str(tmp_path / "typo"),)}})
        assert (output / "blur.safetensors").read_bytes() == of_others
        with caplog.at_level("INFO"):
            chosen_config(output, None, {**STEPS, "data": {**data, "blurred": blurred}})
        assert "the blur is not learnt again" in caplog.text
        chosen_config(output, None, {**STEPS, "data": {**data, "blurred": (str(folders / "blurred"),)}})
        assert (output / "blur.safetensors").read_bytes() != of_others

    def test_overwriting_that_fails_leaves_the_blur_of_the_run(self, run: Path, folders: Path, tmp_path: Path) -> None:
        again = shutil.copytree(run, tmp_path / "again")
        few = save_drawings(tmp_path / "few", 2, 6, blurred=True)
        command = ["--sharp", str(folders / "sharp"), "--output", str(again), "--overwrite", *words(STEPS)]
        assert main([*command, "--blurred", str(few)]) != 0
        # After the blur was learnt, too.
        bad = ["--set", "loss.restoration_perceptual=1", "--blurred", str(folders / "pairs" / "blurred")]
        assert main([*command, *bad, "--vgg-weights", str(tmp_path / "missing")]) != 0
        for name in ("blur.safetensors", "request.toml", "blur/blur.toml", "config.toml"):
            assert (again / name).read_bytes() == (run / name).read_bytes()
        assert torch.equal(weights(again), weights(run))

    def test_overwriting_leaves_nothing_of_the_blur(self, run: Path, folders: Path, tmp_path: Path) -> None:
        again = shutil.copytree(run, tmp_path / "again")
        given = {"settings": flat(STEPS), "overwrite": True}
        train(folders / "sharp", again, blurred=folders / "pairs" / "blurred", **given)
        (blur,) = again.glob("*.safetensors")
        assert read_run_config(again).blur.learnt == str(blur)
        assert sorted(path.name for path in again.glob("request*")) == ["request.toml"]
        assert "pairs" in (again / "request.toml").read_text()
        main(["export", str(again), "-o", str(tmp_path / "model")])
        assert (tmp_path / "model" / "blur.safetensors").read_bytes() == blur.read_bytes()
        train(folders / "sharp", again, **given)
        assert not [*again.glob("blur*"), *again.glob("*.safetensors")]

    def test_a_blur_that_a_run_does_not_use_is_not_exported(self, run: Path, folders: Path, tmp_path: Path) -> None:
        again = tmp_path / "again"
        again.mkdir()
        shutil.copyfile(run / "blur.safetensors", again / "blur.safetensors")
        train(folders / "sharp", again, settings=flat(STEPS))
        assert main(["export", str(again), "-o", str(tmp_path / "model")]) == 0
        assert not (tmp_path / "model" / "blur.safetensors").exists()

    def test_settings_that_are_given_to_an_interrupted_run_count(
        self, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        output = tmp_path / "run"
        command = ["--sharp", str(folders / "sharp"), "--blurred", str(folders / "blurred"), "--output", str(output)]
        with monkeypatch.context() as patch:
            patch.setattr(learnt_blur, "learn_blur", stop)
            assert main([*command, "--budget", "1h", *words(TINY)]) == 130
        more = ["--set", "warm_start.steps=2", "--set", "data.batch_size=1", "--init", ""]
        assert main(["--resume", "--output", str(output), *more]) == 0
        config = read_run_config(output)
        assert config is not None
        assert (config.warm_start.steps, config.data.batch_size, config.model.base_width) == (2, 1, 4)
        assert config.blur.learnt

    def test_sharp_images_in_place_of_blurred_ones_are_told(self, folders: Path, tmp_path: Path) -> None:
        others = save_drawings(tmp_path / "others", 12, 5)
        data = {"sharp": (str(folders / "sharp"),), "blurred": (str(others),)}
        with pytest.raises(ImageError, match="as sharp as the sharp ones"):
            chosen_config(tmp_path / "run", None, {**STEPS, "data": {**TINY["data"], **data}})

    def test_the_same_images_on_both_sides_are_told(self, folders: Path, tmp_path: Path) -> None:
        data = {"sharp": (str(folders / "sharp"),), "blurred": (str(folders / "sharp"),)}
        with pytest.raises(ImageError, match="all blurred images are among the sharp ones"):
            chosen_config(tmp_path / "run", None, {**STEPS, "data": {**TINY["data"], **data}})

    @pytest.mark.parametrize("length", [STEPS, TINY], ids=["steps", "no length"])
    def test_a_validation_without_images_is_told_before_the_blur_is_learnt(
        self, length: dict[str, dict[str, object]], folders: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "empty").mkdir()
        data = {"sharp": (str(folders / "sharp"),), "blurred": (str(folders / "blurred"),)}
        data["validation"] = (str(tmp_path / "empty"),)
        with pytest.raises(ImageError, match="empty holds no images"):
            chosen_config(tmp_path / "run", None, {**length, "data": {**TINY["data"], **data}})
        assert not (tmp_path / "run" / "blur.safetensors").exists()

    def test_too_few_are_told(self, folders: Path, tmp_path: Path) -> None:
        few = save_drawings(tmp_path / "few", 2, 6, blurred=True)
        data = {"sharp": (str(folders / "sharp"),), "blurred": (str(few),)}
        with pytest.raises(ImageError, match="2 blurred images are too few"):
            chosen_config(tmp_path / "run", None, {**STEPS, "data": {**TINY["data"], **data}})


class TestOthers:
    def test_sharp_images_alone(self, folders: Path, tmp_path: Path) -> None:
        run = train(folders / "sharp", tmp_path / "run", settings=flat(STEPS))
        assert run.config.blur.learnt == ""
        assert run.step in range(4)

    def test_five_images_are_trained_on_and_measured(
        self, folders: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        few = save_drawings(tmp_path / "few", 5, 4)
        run = train(few, tmp_path / "run", settings=flat(STEPS))
        assert run.scores.start is not None
        assert "5 images are too few to hold some out" in caplog.text

    def test_real_pairs(self, folders: Path, tmp_path: Path) -> None:
        command = ["--pairs", str(folders / "pairs" / "blurred"), str(folders / "pairs" / "sharp")]
        assert main([*command, "--output", str(tmp_path / "run"), *words(STEPS)]) == 0
        run = load_trained(tmp_path / "run")
        assert run.scores.name == "validation_pairs_psnr"
        assert run.data["pairs"]["count"] == 8

    def test_pairs_beside_unpaired_images_are_refused(self, folders: Path, tmp_path: Path) -> None:
        pairs = (str(folders / "pairs" / "blurred"), str(folders / "pairs" / "sharp"))
        with pytest.raises(ConfigError, match="give either pairs or unpaired images"):
            chosen_config(tmp_path / "run", None, {**STEPS, "data": {"pairs": pairs, "sharp": (pairs[1],)}})

    def test_pairs_beside_blurred_images_are_refused(self, folders: Path, tmp_path: Path) -> None:
        pairs = (str(folders / "pairs" / "blurred"), str(folders / "pairs" / "sharp"))
        with pytest.raises(ConfigError, match="give either pairs or unpaired images"):
            chosen_config(tmp_path / "run", None, {**STEPS, "data": {"pairs": pairs, "blurred": (pairs[0],)}})

    def test_a_run_of_many_folders_goes_on(self, folders: Path, tmp_path: Path) -> None:
        many = [str(folders / "sharp")] * 400
        command = ["--output", str(tmp_path / "run"), *words(STEPS)]
        assert main([*command, *(word for folder in many for word in ("--sharp", folder))]) == 0
        assert (tmp_path / "run" / "config.toml").stat().st_size > 1 << 14
        assert main([*command, "--resume"]) == 0

    def test_more_folders_than_can_be_read_again_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="give a text file with a path on each line"):
            chosen_config(tmp_path / "run", None, {"data": {"sharp": ("sharp",) * 200_000}})

    def test_the_length_suits_the_number_of_images(self, folders: Path, tmp_path: Path) -> None:
        data = {**TINY["data"], "sharp": (str(folders / "sharp"),)}
        config = chosen_config(tmp_path / "run", None, {**TINY, "data": data})
        assert config.warm_start.steps == 1500
        assert config.run.validate_every == 1500 // 8

    def test_a_dry_run_writes_nothing(self, folders: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        command = ["--sharp", str(folders / "sharp"), "--blurred", str(folders / "blurred"), "--dry-run"]
        assert main([*command, "--output", str(tmp_path / "run"), *words(STEPS)]) == 0
        assert not (tmp_path / "run").exists()
        assert "the blur of 8 images is learnt first, with 12 sharp ones" in caplog.text

    def test_a_scale_is_looked_for_whether_or_not_there_are_steps(
        self, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def half(config: TrainingConfig, *_: object) -> TrainingConfig:
            return replace(config, model=replace(config.model, input_scale=0.5))

        monkeypatch.setattr(automatic, "with_best_scale", half)
        save_model(DeblurModel(ModelConfig(base_width=4, residual_blocks=1)), tmp_path / "model")
        data = {**TINY["data"], "sharp": (str(folders / "sharp"),)}
        for steps in ({}, {"steps": 3}):
            given = {"data": data, "run": {"init": str(tmp_path / "model")}, "warm_start": steps}
            assert chosen_config(tmp_path / "run", None, given).model.input_scale == 0.5
            for settings in ({"input_scale": 1.0}, {"domain": {"kind": "page", "size": [23, 35]}}):
                kept = chosen_config(tmp_path / "run", None, {**given, "model": settings})
                assert kept.model.input_scale == 1.0

    def test_its_name_is_as_good_as_no_recipe_to_go_on_with(self, folders: Path, tmp_path: Path) -> None:
        command = ["--recipe", "automatic", "--sharp", str(folders / "sharp"), "--output", str(tmp_path / "run")]
        assert main([*command, *words(STEPS)]) == 0
        assert main([*command, *words(STEPS), "--resume"]) == 0

    @pytest.mark.parametrize("blurred", ["some/folder", [1, 2]])
    def test_blurred_folders_are_a_list(self, folders: Path, tmp_path: Path, blurred: object) -> None:
        data = {"sharp": (str(folders / "sharp"),), "blurred": blurred}
        with pytest.raises(ConfigError, match=r"data\.blurred is .*; give a"):
            chosen_config(tmp_path / "run", None, {**STEPS, "data": data})

    def test_the_file_of_a_widened_run_makes_the_same_run_again(self, folders: Path, tmp_path: Path) -> None:
        for name, width in (("model", 4), ("other", 8)):
            networks = ModelConfig(base_width=width, residual_blocks=1, residual_output=True)
            save_model(DeblurModel(networks), tmp_path / name)
        wider = {
            "data": {**TINY["data"], "sharp": (str(folders / "sharp"),)},
            "model": {"base_width": 8},
            "run": {"init": str(tmp_path / "model")},
            "warm_start": {"steps": 2},
        }
        train(None, tmp_path / "run", settings=flat(wider))
        written = str(tmp_path / "run" / "config.toml")
        assert chosen_config(tmp_path / "again", written, {}).model.base_width == 8
        started = {"run": {"init": str(tmp_path / "model")}}
        assert chosen_config(tmp_path / "again", written, started).model.base_width == 4
        assert chosen_config(tmp_path / "again", "text", started).model.base_width == 4

    def test_a_ramp_that_is_given_stays(self, folders: Path, tmp_path: Path) -> None:
        data = {**TINY["data"], "sharp": (str(folders / "sharp"),)}
        for given, ramp in (({}, 50), ({"ramp_steps": 400}, 400), ({"ramp_steps": 0}, 0)):
            config = chosen_config(tmp_path / "run", None, {**TINY, "data": data, "warm_start": given})
            assert (config.warm_start.steps, config.warm_start.ramp_steps) == (1500, ramp)


class TestBudget:
    def test_gives_the_number_of_steps(self, folders: Path, tmp_path: Path) -> None:
        data = {**TINY["data"], "sharp": (str(folders / "sharp"),)}
        short, long = (
            chosen_config(tmp_path / str(budget), None, {**TINY, "data": data}, budget=budget).warm_start.steps
            for budget in (60.0, 3600.0)
        )
        assert 20 <= short < long

    def test_too_short_is_told(self, folders: Path, tmp_path: Path) -> None:
        data = {**TINY["data"], "sharp": (str(folders / "sharp"),)}
        with pytest.raises(ConfigError, match=r"the budget leaves .* for training"):
            chosen_config(tmp_path / "run", None, {**TINY, "data": data}, budget=0.01)

    def test_a_step_is_timed_with_its_perceptual_loss(
        self, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vgg, asked, passes = VGG19Features(), [], []
        vgg.register_forward_hook(lambda *_: passes.append(1))
        monkeypatch.setattr(length, "load_vgg19", lambda path: asked.append(path) or vgg)
        data = {**TINY["data"], "sharp": (str(folders / "sharp"),)}
        run = {**TINY["run"], "vgg_weights": "vgg.safetensors"}
        given = {**TINY, "data": data, "run": run}
        chosen_config(tmp_path / "plain", None, given, budget=60)
        assert not asked
        chosen_config(tmp_path / "run", None, {**given, "loss": {"restoration_perceptual": 0.1}}, budget=60)
        assert asked == [Path("vgg.safetensors")]
        assert passes

    def test_with_a_recipe_is_refused(self, folders: Path, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="a budget is for runs without a recipe"):
            chosen_config(tmp_path / "run", "paper", {"data": {"sharp": (str(folders / "sharp"),)}}, budget=60)

    def test_beside_steps_is_refused(self, folders: Path, tmp_path: Path) -> None:
        data = {**TINY["data"], "sharp": (str(folders / "sharp"),)}
        with pytest.raises(ConfigError, match=r"a budget and warm_start\.steps are given"):
            chosen_config(tmp_path / "run", None, {**STEPS, "data": data}, budget=60)

    @pytest.mark.parametrize("name", ["steps", "decay_steps", "epochs", "decay_epochs"])
    def test_beside_an_unpaired_stage_is_refused(self, folders: Path, tmp_path: Path, name: str) -> None:
        data = {**TINY["data"], "sharp": (str(folders / "sharp"),)}
        with pytest.raises(ConfigError, match=rf"a budget and unpaired\.{name} are given"):
            chosen_config(tmp_path / "run", None, {**TINY, "data": data, "unpaired": {name: 4}}, budget=60)

    def test_too_short_is_told_by_a_dry_run(self, folders: Path, tmp_path: Path) -> None:
        data = {**TINY["data"], "sharp": (str(folders / "sharp"),)}
        with pytest.raises(ConfigError, match=r"the budget leaves .* for training"):
            chosen_config(tmp_path / "run", None, {**TINY, "data": data}, budget=0.01, dry_run=True)

    def test_slow_reading_counts(self, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Photographs take longer to decode than a step; those that there is room for are decoded once."""
        data = DataConfig(sharp=(str(folders / "sharp"),), crop_size=32, batch_size=2, workers=0)
        config = replace(TrainingConfig(), data=data, model=ModelConfig(base_width=4, residual_blocks=1))
        decode = image_pool.decode_image

        def slow(path: Path) -> Any:
            time.sleep(0.2)
            return decode(path)

        monkeypatch.setattr(image_pool, "decode_image", slow)
        found = length.step_times(config, TrainingCrops(data, config.blur, 0))
        assert found.cold - found.warm > 0.05
        assert (found.in_memory, found.batches) == (1.0, 6.0)
        none = replace(data, cache_gigabytes=0)
        found = length.step_times(replace(config, data=none), TrainingCrops(none, config.blur, 0))
        assert found.warm > 0.3
        assert found.in_memory == 0

    def test_steps_that_there_is_time_for(self) -> None:
        assert StepTimes(1.0, 1.0, 1.0, 50).steps_in(100) == 100
        # 25 batches are read, 4 s each; those in memory take 1 s.
        assert StepTimes(4.0, 1.0, 1.0, 25).steps_in(75 + 200) == 200
        assert StepTimes(4.0, 1.0, 1.0, 25).steps_in(40) == 10
        assert StepTimes(4.0, 1.0, 0.0, 25).steps_in(400) == 100
        assert StepTimes(4.0, 1.0, 1.0, 25).steps_in(-3) == 0

    def test_measuring_has_its_share(self, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        data = {**TINY["data"], "sharp": (str(folders / "sharp"),)}
        asked: list[float] = []

        def slow(*_: object, **__: object) -> list[Any]:
            time.sleep(2)
            return []

        monkeypatch.setattr(length, "make_validations", slow)
        monkeypatch.setattr(length, "step_times", lambda *_, **__: asked.append(1) or StepTimes(0.1, 0.1, 1.0, 1.0))
        config = chosen_config(tmp_path / "run", None, {**TINY, "data": data}, budget=100)
        assert asked == [1]
        # (100 - 2) s leave room for four measurements of 2 s, of which those at the start and the end are two.
        assert config.warm_start.steps == pytest.approx(0.93 * (98 - 8) / 0.1, abs=20)
        assert config.warm_start.steps // config.run.validate_every == 2

    def test_is_for_a_run_that_begins(self, run: Path, folders: Path, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="has its 3 steps already, and a budget is for one that begins"):
            chosen_config(run, None, {}, budget=60, resume=True)

    @pytest.mark.parametrize(
        ("text", "seconds"), [("90s", 90), ("8min", 480), ("8 min", 480), ("1h30min", 5400), ("0.5m", 30)]
    )
    def test_times(self, text: str, seconds: float) -> None:
        from udsd.cli.arguments import some_time

        assert some_time(text) == seconds

    @pytest.mark.parametrize("text", ["8", "", "min", "-3min", "0s", "3 apples", "3min4"])
    def test_what_is_no_time_is_refused(self, text: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["--sharp", "x", "--output", "y", f"--budget={text}"])
        assert "is no time" in capsys.readouterr().err


def flat(settings: dict[str, dict[str, object]]) -> dict[str, object]:
    return {f"{section}.{name}": value for section, table in settings.items() for name, value in table.items()}
