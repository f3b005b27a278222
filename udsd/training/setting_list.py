"""All settings in words, from the dataclasses that hold them and from their docstrings."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

_WIDTH = 100
_INDENT = 6


def describe_settings(config: Any, where: str = "") -> Iterator[str]:
    """Lines that list the settings of a configuration: name, type, value, and what it means.

    Args:
        config: A dataclass whose docstring has a section ``Attributes:``; those that it holds are listed as sections.
        where: Name of the section that this is.
    """
    meanings = attribute_docs(type(config))
    kinds = get_type_hints(type(config))
    for entry in fields(config):
        value, name = getattr(config, entry.name), f"{where}{entry.name}"
        if is_dataclass(value):
            summary = (inspect.getdoc(type(value)) or "").partition("\n")[0]
            yield from ("", f"[{name}] {summary}")
            yield from describe_settings(value, f"{name}.")
            continue
        shown = "not set" if value is None else json.dumps(value, ensure_ascii=False)
        yield f"  {name} = {shown}  ({_kind(kinds[entry.name])})"
        text = meanings.get(entry.name, "")
        yield from textwrap.wrap(text, _WIDTH, initial_indent=" " * _INDENT, subsequent_indent=" " * _INDENT)


def attribute_docs(cls: type) -> dict[str, str]:
    """What the section ``Attributes:`` of a class's docstring says of each, as one line."""
    _, _, section = (inspect.getdoc(cls) or "").partition("Attributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if line and not line.startswith(" "):
            break  # the next section
        start = re.match(r"    (\w+): (.*)", line)
        if start:
            name = start[1]
            found[name] = start[2].strip()
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return {name: text.replace("``", "") for name, text in found.items()}


def _kind(kind: Any) -> str:
    """A type as people say it: ``number``, ``one of adam, muon``, ``list of 2 numbers``."""
    words = {int: "whole number", float: "number", bool: "true or false", str: "text"}
    arguments = get_args(kind)
    if isinstance(kind, types.UnionType):
        return _kind(arguments[0])
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if get_origin(kind) is tuple:
        count = "" if arguments[1] is Ellipsis else f"{len(arguments)} "
        return f"list of {count}{_kind(arguments[0])}s"
    return words.get(kind, "table of " + ", ".join(entry.name for entry in fields(kind)) if is_dataclass(kind) else "")
