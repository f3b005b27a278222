"""A directive that shows the help of a program and of each of its commands, as its parser has it.

.. command-help:: udsd.cli.parser:make_parser
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

_COLUMNS = 80


class CommandHelp(Directive):
    """A section for each command of an argparse parser, and one for the program itself."""

    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Make the sections."""
        module, _, function = self.arguments[0].partition(":")
        parser = getattr(importlib.import_module(module), function)()
        return [_section(name, command) for name, command in _with_commands(parser)]


def _with_commands(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    found = [(parser.prog, parser)]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [(f"{parser.prog} {name}", command) for name, command in action.choices.items()]
    return found


def _section(name: str, parser: argparse.ArgumentParser) -> nodes.section:
    section = nodes.section(ids=[nodes.make_id(name)], names=[nodes.fully_normalize_name(name)])
    section += nodes.title(name, "", nodes.literal(name, name))
    section += nodes.literal_block(text := _help(parser), text, language="none", classes=["command-help"])
    return section


def _help(parser: argparse.ArgumentParser) -> str:
    """The help as it is on a terminal of a fixed width without colours, wherever the site is built."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(_COLUMNS)
    try:
        return re.sub(r"\x1b\[[\d;]*m", "", parser.format_help()).rstrip()
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known to Sphinx."""
    app.add_directive("command-help", CommandHelp)
    return {"version": "1", "parallel_read_safe": True}
