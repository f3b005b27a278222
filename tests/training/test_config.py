from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import udsd.training
from udsd.errors import ConfigError
from udsd.training.adversarial import AdversarialForm
from udsd.training.config import RunConfig, TrainingConfig, UnpairedConfig, WarmStartConfig, parse_setting
from udsd.training.networks import BranchConfig
from udsd.training.objectives import ObjectiveConfig, Translations

RECIPES = sorted((Path(udsd.training.__file__).parent / "recipes").glob("*.toml"))

UNLIKE_THE_DEFAULTS: dict[str, dict[str, Any]] = {
    "model": {"base_width": 8, "residual_output": True},
    "data": {"sharp": ["a", "b"], "crop_size": 64, "minimum_contrast": 12.5},
    "blur": {"path_length": [5, 20.5], "defocus_probability": 0.25},
    "loss": {"kl": 0.5},
    "warm_start": {"steps": 10, "betas": [0.8, 0.9]},
    "unpaired": {"steps": 20, "decay_steps": 30},
    "run": {"seed": 7, "precision": "bfloat16"},
}


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def test_settings_reach_their_places() -> None:
    config = TrainingConfig.from_dict(UNLIKE_THE_DEFAULTS)
    assert config.model.base_width == 8
    assert config.data.sharp == ("a", "b")
    assert config.blur.path_length == (5.0, 20.5)
    assert type(config.blur.path_length[0]) is float
    assert config.warm_start.betas == (0.8, 0.9)
    assert config.run.precision == "bfloat16"
    assert config.total_steps == 60


def test_what_is_not_given_keeps_its_default() -> None:
    config = TrainingConfig.from_dict({"data": {"crop_size": 64}})
    assert config.data.batch_size == 16
    assert config.run == RunConfig()
    assert TrainingConfig.from_dict({}) == TrainingConfig()


def test_round_trip_through_plain_values() -> None:
    config = TrainingConfig.from_dict(UNLIKE_THE_DEFAULTS)
    values = config.to_dict()
    assert type(values["model"]) is dict
    assert values["loss"]["kl"] == 0.5
    assert TrainingConfig.from_dict(values) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"blurr": {}}, r"unknown setting blurr; did you mean blur\? Known: model, data, blur"),
        ({"data": {"crop_sice": 64}}, r"unknown setting data\.crop_sice; did you mean crop_size\?"),
        ({"warm_start": {"step": 1}}, r"unknown setting warm_start\.step; did you mean steps\?"),
        ({"run": {"": 1}}, r"unknown setting run\.;"),
        ({"model": 3}, "model is 3; give a table"),
        ({"data": {"batch_size": 2.0}}, r"data\.batch_size is 2\.0; give a value of type int"),
        ({"data": {"batch_size": True}}, r"data\.batch_size is True; give a value of type int"),
        ({"data": {"sharp": "folder"}}, r"data\.sharp is 'folder'; give a list of str values"),
        ({"data": {"sharp": [1]}}, r"data\.sharp is 1; give a value of type str"),
        ({"blur": {"path_length": [1.0]}}, r"blur\.path_length is \[1\.0\]; give a list of 2 float values"),
        ({"blur": {"path_length": [1.0, "2"]}}, r"blur\.path_length is '2'; give a value of type float"),
        ({"loss": {"kl": "much"}}, r"loss\.kl is 'much'; give a value of type float"),
        ({"run": {"precision": "float8"}}, r"run\.precision is 'float8'; give one of auto, float32, bfloat16"),
        ({"run": {"precision": [1]}}, r"run\.precision is \[1\]"),
        ({"model": {"residual_output": 1}}, r"model\.residual_output is 1; give a value of type bool"),
    ],
)
def test_unknown_and_ill_typed_settings_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainingConfig.from_dict(values)


@pytest.mark.parametrize(
    ("section", "settings", "message"),
    [
        (WarmStartConfig, {"steps": -1}, "warm_start.steps is -1"),
        (WarmStartConfig, {"ramp_steps": -1}, "warm_start.ramp_steps is -1"),
        (WarmStartConfig, {"learning_rate": 0.0}, "learning_rate is 0.0"),
        (WarmStartConfig, {"learning_rate": float("nan")}, "learning_rate is nan"),
        (WarmStartConfig, {"betas": (0.9, 1.0)}, "betas"),
        (WarmStartConfig, {"decay_share": 0.0}, "decay_share is 0.0"),
        (WarmStartConfig, {"decay_share": 1.5}, "decay_share is 1.5"),
        (UnpairedConfig, {"steps": -1}, "unpaired.steps is -1"),
        (UnpairedConfig, {"decay_steps": -1}, "decay_steps"),
        (UnpairedConfig, {"epochs": -1}, "unpaired.epochs is -1"),
        (UnpairedConfig, {"discriminator_rate": 0.0}, "discriminator_rate is 0.0"),
        (ObjectiveConfig, {"replay_pool": -1}, "replay_pool is -1; give 0 to 10000"),
        (RunConfig, {"clip_gradients": -1.0}, "clip_gradients is -1.0"),
        (RunConfig, {"clip_gradients": float("inf")}, "clip_gradients is inf"),
        (RunConfig, {"validate_every": 0}, "validate_every is 0"),
        (UnpairedConfig, {"learning_rate": 2.0}, "learning_rate is 2.0"),
        (BranchConfig, {"discriminator_width": 0}, "discriminator_width is 0"),
        (BranchConfig, {"kernel_size": 32}, "kernel_size is 32"),
        (BranchConfig, {"blur": "path", "share_generator_block": True}, "share_generator_block"),
        (ObjectiveConfig, {"blurred_noise": -1.0}, "blurred_noise is -1"),
        (BranchConfig, {"content_noise": -1.0}, "content_noise is -1.0"),
        (BranchConfig, {"discriminator_kernel": 5}, "discriminator_kernel is 5; give 3 or 4"),
        (UnpairedConfig, {"weight_decay": -1e-4}, "weight_decay is -0.0001"),
        (UnpairedConfig, {"generator_every": 0}, "generator_every is 0; give 1 to 100 steps"),
        (RunConfig, {"ema_decay": 1.0}, "ema_decay is 1.0"),
        (RunConfig, {"checkpoint_every": 0}, "checkpoint_every is 0"),
        (RunConfig, {"keep_checkpoints": 0}, "keep_checkpoints is 0"),
        (RunConfig, {"sample_every": -5}, "sample_every is -5"),
        (RunConfig, {"log_every": 0}, "log_every is 0"),
        (RunConfig, {"seed": -1}, "seed is -1"),
        (RunConfig, {"seed": 2**64}, "seed is 18446744073709551616"),
    ],
)
def test_settings_out_of_range_are_refused(section: type, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        section(**settings)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_every_bundled_recipe_loads_and_trains_something(recipe: Path) -> None:
    assert TrainingConfig.from_toml(recipe).has_stages


def test_the_recipes_are_those_that_are_documented() -> None:
    assert {"automatic", "paper", "released", "unpaired", "text", "text-small", "face", "face-small", "plate"} == {
        recipe.stem for recipe in RECIPES
    }


def test_the_paper_recipe_is_the_paper() -> None:
    config = TrainingConfig.from_toml(next(path for path in RECIPES if path.stem == "paper"))
    assert (config.model.base_width, config.model.residual_blocks, config.model.blur_code_size) == (64, 4, 8)
    assert (config.data.crop_size, config.data.batch_size) == (128, 16)
    assert config.unpaired.learning_rate == 2e-4
    assert (config.unpaired.epochs, config.unpaired.decay_epochs) == (40, 40)
    assert config.unpaired.betas == (0.5, 0.999)
    assert config.warm_start.steps == 0
    assert not config.model.residual_output
    assert config.run.ema_decay == 0  # it averages no weights
    assert config.needs_vgg
    for_text = TrainingConfig.from_toml(
        Path(udsd.training.__file__).parent / "recipes/paper.toml", {"loss": {"perceptual": 0}}
    )
    assert not for_text.needs_vgg


def test_random_codes_can_have_a_perceptual_loss_of_their_own() -> None:
    sections: dict[str, Any] = {"unpaired": {"steps": 1}, "loss": {"perceptual": 0.0, "random_perceptual": 0.1}}
    assert TrainingConfig.from_dict(sections).needs_vgg


def test_without_a_blur_encoder_there_is_no_latent_regression() -> None:
    with pytest.raises(ConfigError, match="without E\\^b there is no latent regression"):
        TrainingConfig.from_dict({"branches": {"blur_encoder": False}, "loss": {"latent": 1.0}})


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"epochs": 3, "decay_epochs": 2}, (30, 20)),
        ({"epochs": 3}, (30, 0)),
        ({"steps": 7, "epochs": 3, "decay_epochs": 2}, (7, 0)),
        ({"decay_steps": 7, "epochs": 3}, (0, 7)),
        ({}, (0, 0)),
    ],
)
def test_epochs_become_steps_unless_steps_are_given(settings: dict[str, int], steps: tuple[int, int]) -> None:
    stage = UnpairedConfig(**settings, ramp_steps=5).counted_in_steps(10)  # type: ignore[arg-type]
    assert (stage.steps, stage.decay_steps, stage.epochs, stage.decay_epochs) == (*steps, 0, 0)
    assert stage.ramp_steps == 5


def test_a_toml_file_is_read_and_overrides_win(tmp_path: Path) -> None:
    path = write(tmp_path, "[data]\ncrop_size = 64\nbatch_size = 3\n[blur]\nnoise = [1, 2]\n")
    config = TrainingConfig.from_toml(path, {"data": {"batch_size": 5}, "run": {"seed": 9}})
    assert (config.data.crop_size, config.data.batch_size, config.run.seed) == (64, 5, 9)
    assert config.blur.noise == (1.0, 2.0)


def test_overrides_do_not_hide_a_section_that_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="data is 3; give a table"):
        TrainingConfig.from_toml(write(tmp_path, "data = 3"), {"data": {"batch_size": 5}})


@pytest.mark.parametrize("content", [b"[data\n", b"\xff\xfe", b"crop_size 64"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot read the recipe .*recipe\.toml"):
        TrainingConfig.from_toml(path)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the recipe .*missing\.toml"):
        TrainingConfig.from_toml(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("warm_start.steps=500", ("warm_start", "steps", 500)),
        ("loss.kl = 1e-4", ("loss", "kl", 1e-4)),
        ("blur.path_length=[1.0, 2]", ("blur", "path_length", [1.0, 2])),
        ("model.residual_output=true", ("model", "residual_output", True)),
        ("run.precision=float32", ("run", "precision", "float32")),
        ('run.precision="float32"', ("run", "precision", "float32")),
        ('data.sharp=["a=b"]', ("data", "sharp", ["a=b"])),
        ("run.precision=", ("run", "precision", "")),
    ],
)
def test_settings_of_the_command_line(text: str, expected: tuple[str, str, Any]) -> None:
    assert parse_setting(text) == expected


@pytest.mark.parametrize("text", ["", "steps=5", "warm_start.steps", ".steps=5", "warm_start.=5", "=5"])
def test_settings_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"give SECTION\.KEY=VALUE"):
        parse_setting(text)


def test_a_run_of_an_earlier_version_can_be_read() -> None:
    assert TrainingConfig.from_dict({"model": {"image_channels": 3}}) == TrainingConfig()
    with pytest.raises(ConfigError, match="image_channels"):
        TrainingConfig.from_dict({"model": {"image_channels": 1}})


@pytest.mark.parametrize(
    "kind", [TrainingConfig, *get_type_hints(TrainingConfig).values(), Translations, AdversarialForm]
)
def test_settings_cannot_be_changed_by_mistake(kind: type) -> None:
    values = object.__new__(kind)
    with pytest.raises(FrozenInstanceError):
        setattr(values, fields(kind)[0].name, None)  # type: ignore[arg-type]
    assert not hasattr(values, "__dict__")
