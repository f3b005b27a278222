"""``udsd-train`` itself: train a model. The only command that needs accelerate."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from udsd.device import resolve_device
from udsd.errors import ConfigError
from udsd.evaluation.vgg import load_vgg19
from udsd.pretrained import resolve
from udsd.training.checkpoint import load_training_state
from udsd.training.config import TrainingConfig, parse_setting
from udsd.training.recipe_files import recipe_path
from udsd.training.trainer import Trainer


def train(options: Namespace) -> int:
    """Train a model."""
    overrides = _overrides(options)
    initial, initial_state = None, None
    if options.init:
        folder = resolve(options.init)
        initial, initial_state = folder.load_model(), load_training_state(folder.path)
        overrides["model"] = {**initial.config.to_dict(), **overrides.get("model", {})}
    config = TrainingConfig.from_toml(recipe_path(options.recipe), overrides)
    if not config.data.sharp:
        raise ConfigError("no sharp images; give --sharp DIR")
    trainer = Trainer(
        config,
        options.output,
        resolve_device(options.device),
        resume=options.resume,
        overwrite=options.overwrite,
        vgg=load_vgg19(options.vgg_weights) if config.needs_vgg or options.vgg_weights else None,
        initial=initial,
        initial_state=initial_state,
    )
    trainer.fit()
    trainer.processes.part()
    return 0


def _overrides(options: Namespace) -> dict[str, dict[str, Any]]:
    overrides: dict[str, dict[str, Any]] = {}
    for setting in options.set:
        section, key, value = parse_setting(setting)
        overrides.setdefault(section, {})[key] = value
    for side in ("sharp", "blurred", "validation"):
        folders = getattr(options, side)
        if folders:
            overrides.setdefault("data", {})[side] = folders
    return overrides
