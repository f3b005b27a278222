"""The bundled recipes, and recipes of users: TOML files that fill in a `TrainingConfig`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from udsd.atomic import whole_file
from udsd.errors import ConfigError

CONFIG_FILE = "config.toml"
"""The settings of a run, as a recipe in its folder."""

LARGEST_RUN_FILE = 1 << 20
"""Bytes of a file of settings in the folder of a run: one may train on thousands of folders."""

_HEADING = "# The settings of this run, as udsd-train has written them; --recipe takes this file for another run.\n\n"

_RECIPES = Path(__file__).parent / "recipes"


def bundled_recipes() -> list[str]:
    """Names of the bundled recipes, sorted."""
    return sorted(path.stem for path in _RECIPES.glob("*.toml"))


def recipe_path(name: str) -> Path:
    """The file of a bundled recipe by its name, or of a recipe by its path.

    Raises:
        ConfigError: There is no such recipe; the message lists the bundled ones.
    """
    for path in (Path(name), _RECIPES / f"{name}.toml"):
        if path.is_file() or path.is_fifo() or path.is_char_device():  # what is no file is told when it is read
            return path
    raise ConfigError(f"no recipe {name!r}; give a TOML file or one of: {', '.join(bundled_recipes())}")


def recipe_titles() -> dict[str, str]:
    """What each bundled recipe is for, in a line: the first of its comments."""
    titles = {}
    for name in bundled_recipes():
        first, _, _ = (_RECIPES / f"{name}.toml").read_text(encoding="utf-8").partition("\n")
        titles[name] = first.removeprefix("#").strip().removeprefix(f"{name}:").strip()
    return titles


def recipe_text(settings: Mapping[str, Any]) -> str:
    """Settings by section and key as TOML, which reads back as they are. What is None is left out."""
    lines: list[str] = []
    for section, values in settings.items():
        lines += ["", *_table(section, values)]
    return "\n".join(lines[1:]) + "\n"


def write_config(settings: Mapping[str, Any], folder: Path) -> None:
    """Write the settings of a run into its folder, as a recipe.

    Raises:
        OSError: The file cannot be written.
    """
    with whole_file(folder / CONFIG_FILE) as unfinished:
        unfinished.write_text(_HEADING + recipe_text(settings), encoding="utf-8", errors="replace")


def _table(name: str, values: Mapping[str, Any]) -> list[str]:
    plain = {key: value for key, value in values.items() if value is not None and not isinstance(value, Mapping)}
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    lines = [f"[{name}]", *(f"{key} = {recipe_value(value)}" for key, value in plain.items())]
    for key, below in tables.items():
        lines += ["", *_table(f"{name}.{key}", below)]
    return lines


def recipe_value(value: Any) -> str:
    """A value as TOML: numbers, texts and lists are JSON's, but for one letter that TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")
