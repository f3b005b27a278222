"""Settings from plain nested values, such as those of TOML and JSON, into dataclasses."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from udsd.errors import ConfigError

_Section = TypeVar("_Section")


def build_settings(cls: type[_Section], values: Any, where: str = "") -> _Section:
    """Build a dataclass, and those that it holds, from nested mappings.

    Args:
        cls: A dataclass whose fields are dataclasses, tuples, literals, or of a plain type. A class attribute ``FIXED``
            names keys of earlier versions that are read with that value only, and dropped.
        values: A mapping from the names of fields to values; lists stand for tuples, and whole numbers for floats.
        where: Name of the part that this is, for messages.

    Raises:
        ConfigError: A key is unknown (the nearest known one is named) or a value ill-typed or out of range.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{f'{where} is' if where else 'the settings are'} {values!r}; give a table of settings")
    kinds = get_type_hints(cls)
    known = [entry.name for entry in fields(cls)]  # type: ignore[arg-type]
    arguments = {}
    fixed = getattr(cls, "FIXED", {})
    for key, value in values.items():
        name = f"{where}.{key}" if where else key
        if key in fixed:  # of a folder, checkpoint or recipe of an earlier version
            if fixed[key] != value:
                raise ConfigError(f"{name} is {value!r}; {fixed[key]!r} is the only value there is")
            continue
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1, cutoff=0)
            raise ConfigError(f"unknown setting {name}; did you mean {nearest[0]}? Known: {', '.join(known)}")
        arguments[key] = _convert(kinds[key], value, name)
    missing = [entry.name for entry in fields(cls) if _is_required(entry) and entry.name not in arguments]  # type: ignore[arg-type]
    if missing:
        raise ConfigError(f"{where or 'the settings'} lacks {' and '.join(missing)}")
    return cls(**arguments)


def check_strings(name: str, value: Any) -> None:
    """Refuse what is no list of strings.

    Raises:
        ConfigError: It is something else, for instance a string, which is a list of letters to Python.
    """
    _convert(tuple[str, ...], value, name)


def _is_required(entry: Field[Any]) -> bool:
    return entry.default is MISSING and entry.default_factory is MISSING


def _convert(kind: Any, value: Any, name: str) -> Any:
    if isinstance(kind, types.UnionType):
        # Of two, the other is None, which stands for what was not set.
        return None if value is None else _convert(get_args(kind)[0], value, name)
    if is_dataclass(kind) and isinstance(kind, type):
        return build_settings(kind, value, name)
    if get_origin(kind) is tuple:
        return _convert_tuple(get_args(kind), value, name)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ConfigError(f"{name} is {value!r}; give one of {', '.join(map(str, get_args(kind)))}")
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name} is {value!r}; give a value of type {_type_name(kind)}")
    return value


def _convert_tuple(kinds: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    any_length = len(kinds) == 2 and kinds[1] is Ellipsis
    if not isinstance(value, list | tuple) or not (any_length or len(value) == len(kinds)):
        length = "" if any_length else f"{len(kinds)} "
        raise ConfigError(f"{name} is {value!r}; give a list of {length}{_type_name(kinds[0])} values")
    return tuple(_convert(kinds[0], entry, name) for entry in value)


def _type_name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type | types.GenericAlias) else str(kind)
