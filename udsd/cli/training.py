"""``udsd-train`` itself: train a model. The only command that needs accelerate."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from udsd.cli.output import print_line
from udsd.errors import ConfigError
from udsd.training.automatic import chosen_config
from udsd.training.config import parse_setting
from udsd.training.start import make_trainer


def train(options: Namespace) -> int:
    """Train a model."""
    config = chosen_config(
        options.output,
        options.recipe,
        _overrides(options),
        budget=options.budget,
        resume=options.resume,
        overwrite=options.overwrite,
        dry_run=options.dry_run,
    )
    if not config.data.sharp and not config.data.pairs:
        raise ConfigError("there are no images; give --sharp DIR")
    trainer = make_trainer(
        config,
        options.output,
        resume=options.resume,
        overwrite=options.overwrite,
        change_settings=options.change_settings,
        dry_run=options.dry_run,
    )
    if not options.dry_run:
        trainer.fit()
    elif trainer.processes.is_main:
        for line in [*trainer.opening_lines(), "this was a dry run: all was checked, and nothing written"]:
            print_line(line)
    trainer.processes.part()
    return 0


def _overrides(options: Namespace) -> dict[str, dict[str, Any]]:
    overrides: dict[str, dict[str, Any]] = {}
    for setting in options.set:
        section, key, value = parse_setting(setting)
        overrides.setdefault(section, {})[key] = value
    for side in ("sharp", "blurred", "pairs", "validation", "validation_pairs"):
        folders = getattr(options, side)
        if folders:
            # Absolute, so that the run can go on from any folder.
            overrides.setdefault("data", {})[side] = [str(Path(folder).absolute()) for folder in folders]
    for name, value in (("init", options.init), ("device", options.device), ("vgg_weights", options.vgg_weights)):
        if value is not None:
            own = str(value.absolute()) if isinstance(value, Path) else value
            overrides.setdefault("run", {})[name] = own
    if options.teacher is not None:
        overrides.setdefault("warm_start", {})["teacher"] = options.teacher
    return overrides
