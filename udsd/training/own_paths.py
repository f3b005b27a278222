"""Paths of a run to what lies in its folder, which its files hold relative to it: a run that is moved finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from udsd.paths import exists

IMAGE_SETTINGS = ("sharp", "blurred", "pairs", "validation", "validation_pairs")
"""Settings of ``[data]`` that name images."""

_PATHS = {"data": IMAGE_SETTINGS, "blur": ("learnt",)}


def kept_paths(settings: Mapping[str, Mapping[str, Any]], run: Path) -> dict[str, dict[str, Any]]:
    """Settings by section and key as a run's files hold them: paths to what lies in its folder are relative to it."""

    def kept(path: str) -> str:
        return str(Path(path).absolute().relative_to(run.absolute())) if path and is_own(path, run) else path

    return _changed(settings, kept)


def found_paths(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The same with relative paths to what lies in the folder made absolute; others are left as they are."""

    def found(path: str) -> str:
        return str(folder.absolute() / path) if path and exists(folder / path) else path

    return _changed(settings, found)


def is_own(path: str, run: Path) -> bool:
    """Whether a path leads into the folder of a run."""
    return Path(path).absolute().is_relative_to(run.absolute())


def _changed(settings: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """What is of another type than it should be stays, so that the check of all settings names it."""
    changed = dict(settings)
    for section, names in _PATHS.items():
        table = settings.get(section)
        if isinstance(table, Mapping):
            changed[section] = {name: _each(value, change) if name in names else value for name, value in table.items()}
    return changed


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_each(entry, change) for entry in value)
    return change(value) if isinstance(value, str) else value
