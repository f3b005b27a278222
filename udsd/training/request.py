"""What was asked for of a run without a recipe, kept in its folder."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from udsd.atomic import whole_file
from udsd.errors import ConfigError, UdsdError
from udsd.regular import read_limited
from udsd.training.checkpoint import find_checkpoints
from udsd.training.own_paths import found_paths, kept_paths
from udsd.training.recipe_files import LARGEST_RUN_FILE, recipe_text, recipe_value
from udsd.training.runs import make_folder

REQUEST_FILE = "request.toml"
"""There before the blur is learnt, so that --resume alone goes on."""

NEXT_REQUEST_FILE = "request-next.toml"
"""The same of a run that is to overwrite the one in the folder, until that is removed."""

_LARGEST_REQUEST = LARGEST_RUN_FILE - (1 << 14)
"""Bytes; the settings that are not given have room beside it in the file of all."""


def check_storable(overrides: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse settings that a file cannot hold.

    Raises:
        ConfigError: A name is not UTF-8, or they are too long.
    """
    texts = list(_texts(overrides))
    check_names(texts)
    size = sum(len(recipe_value(text).encode()) + len(", ") for text in texts)  # what else there is may be no TOML yet
    if size > _LARGEST_REQUEST:
        raise ConfigError(
            f"the settings have {size} bytes, more than the {_LARGEST_REQUEST} allowed; give a text file with a path "
            "on each line in place of many folders"
        )


def check_names(names: Iterable[str]) -> None:
    """Refuse names of files and folders that a text file cannot hold.

    Raises:
        ConfigError: One is not UTF-8.
    """
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(f"the name {name!r} is not UTF-8; rename it, or lead to it by a link") from error


def write_request(output: Path, overrides: Mapping[str, Mapping[str, Any]], budget: float | None) -> None:
    """Keep in the folder of a run what was asked for; beside that of a run which is there.

    Raises:
        UdsdError: It cannot be written.
    """
    make_folder(output)
    asked = {**kept_paths(overrides, output), "request": {} if budget is None else {"budget": budget}}
    try:
        with whole_file(output / (NEXT_REQUEST_FILE if find_checkpoints(output) else REQUEST_FILE)) as unfinished:
            unfinished.write_text(recipe_text(asked), encoding="utf-8")
    except OSError as error:
        raise UdsdError(f"cannot write to {output} ({error.strerror or error}); choose another folder") from error


def read_request(output: Path) -> tuple[dict[str, dict[str, Any]], float | None] | None:
    """What was asked for of the run in a folder: settings, and the budget in seconds; None if nothing is known of it.

    Raises:
        ConfigError: The file cannot be read.
    """
    path = output / REQUEST_FILE
    if not path.exists():
        return None
    try:
        values = found_paths(tomllib.loads(read_limited(path, LARGEST_RUN_FILE).decode()), output)
        budget = values.pop("request", {}).get("budget")
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(f"cannot read {path} ({error}); give the arguments of the run again") from error
    return values, budget


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for entry in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(entry)
