"""The bundled recipes, and recipes of users: TOML files that fill in a `TrainingConfig`."""

from __future__ import annotations

from pathlib import Path

from udsd.errors import ConfigError

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
