"""From settings to a trainer: what a run starts from, and on which device."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from udsd.device import resolve_device
from udsd.evaluation.vgg import load_vgg19
from udsd.models import ModelConfig
from udsd.pretrained import resolve
from udsd.training.checkpoint import find_checkpoints, load_training_state
from udsd.training.config import TrainingConfig, read_recipe
from udsd.training.origin import origin_of_run
from udsd.training.progress import Callback
from udsd.training.recipe_files import recipe_path
from udsd.training.runs import read_run_config, with_settings
from udsd.training.teacher import load_teacher
from udsd.training.trainer import Trainer

logger = logging.getLogger(__name__)

DEFAULT_RECIPE = "automatic"

_ARCHITECTURE = ("base_width", "residual_blocks", "blur_code_size", "residual_output")
"""Settings of the networks, which weights are of no use without. The others tell what pictures a model is for."""

Overrides = Mapping[str, Mapping[str, Any]]
"""Settings by section and key."""


def run_config(output: Path, recipe: str | None, overrides: Overrides, *, resume: bool) -> TrainingConfig:
    """The settings of a run.

    Args:
        output: The folder of the run.
        recipe: A bundled recipe or a TOML file. Without one a run that goes on has the settings that it had, and a new
            one those of the default recipe.
        overrides: Settings that take precedence. With ``run.init`` the architecture is that of the model to start from
            unless it is given here.
        resume: Whether the run in the folder is to go on.

    Raises:
        ConfigError: There is no such recipe, a setting is unknown or out of range, or the teacher does not fit the run.
        UdsdError: The model to start from or the teacher cannot be had, or the settings of the run cannot be read.
    """
    overrides = with_absolute_folders(overrides)
    before = read_run_config(output) if resume and recipe is None else None
    config = with_settings(before, overrides) if before is not None else _new_config(recipe, overrides)
    load_teacher(config)  # a wrong one is told now, not after a blur has been learnt
    return config


def _new_config(recipe: str | None, overrides: Overrides) -> TrainingConfig:
    named = read_recipe(recipe_path(recipe or DEFAULT_RECIPE))
    config = TrainingConfig.from_recipe(named, overrides)
    init = config.run.init
    if not init:
        return config
    found = resolve(init).read_config()
    # The file of a run names the whole architecture, which may have been widened from the model that it began with.
    is_of_run = set(_ARCHITECTURE) <= set(named.get("model", {})) and "init" not in overrides.get("run", {})
    if not is_of_run:
        overrides = {**overrides, "model": {**architecture(found), **overrides.get("model", {})}}
        config = TrainingConfig.from_recipe(named, overrides)
    if found.balance_white and not config.model.balance_white:
        logger.info("%s scales paper to white, this run does not: model.balance_white=true is for print", init)
    return config


def make_trainer(
    config: TrainingConfig,
    output: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    change_settings: bool = False,
    dry_run: bool = False,
    callback: Callback | None = None,
) -> Trainer:
    """A trainer with what its settings name: the device, the model to start from, the teacher, VGG-19.

    Arguments and errors are those of `Trainer`.

    Raises:
        UdsdError: The model to start from, the teacher or VGG-19 cannot be had.
    """
    origin_of_run(config.run.init, config.warm_start.teacher)  # else it could be trained, and not be exported
    initial, initial_state = None, None
    goes_on = resume and bool(find_checkpoints(output))
    if config.run.init and not goes_on:
        folder = resolve(config.run.init)
        initial, initial_state = folder.load_model(), load_training_state(folder.path)
    weights = Path(config.run.vgg_weights) if config.run.vgg_weights else None
    return Trainer(
        config,
        output,
        resolve_device(config.run.device),
        resume=resume,
        overwrite=overwrite,
        change_settings=change_settings,
        dry_run=dry_run,
        vgg=load_vgg19(weights) if config.needs_vgg or weights else None,
        initial=initial,
        initial_state=initial_state,
        teacher=load_teacher(config),
        callback=callback,
    )


def architecture(config: ModelConfig) -> dict[str, Any]:
    """The settings of a model's networks, without those that tell what pictures it is for.

    White balance, letter size and polarity belong to the domain of a run, not to the weights that it starts from.
    """
    return {name: getattr(config, name) for name in _ARCHITECTURE}


def with_absolute_folders(overrides: Overrides) -> Overrides:
    """Model folders and a learnt blur are found from anywhere; names of the zoo and the Hub stay as they are."""
    learnt = overrides.get("blur", {}).get("learnt", "")
    if learnt and isinstance(learnt, str):
        overrides = {**overrides, "blur": {**overrides["blur"], "learnt": str(Path(learnt).absolute())}}
    for section, key in (("run", "init"), ("warm_start", "teacher")):
        name = overrides.get(section, {}).get(key, "")
        if name and resolve(name).path == Path(name):
            overrides = {**overrides, section: {**overrides[section], key: str(Path(name).absolute())}}
    return overrides
