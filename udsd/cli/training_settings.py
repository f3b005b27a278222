"""``udsd-train settings``: all settings of a run."""

from __future__ import annotations

from argparse import Namespace

from udsd.cli.output import print_line
from udsd.training.config import TrainingConfig
from udsd.training.recipe_files import recipe_path
from udsd.training.setting_list import describe_settings


def list_settings(options: Namespace) -> int:
    """Print all settings with their types, values and meaning."""
    config = TrainingConfig.from_toml(recipe_path(options.recipe)) if options.recipe else TrainingConfig()
    for line in describe_settings(config):
        print_line(line)
    return 0
