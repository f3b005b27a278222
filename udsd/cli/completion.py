"""``udsd completion``: scripts by which a shell completes the commands, written by shtab."""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator

from udsd.cli.arguments import folder_name, output_name, output_or_stream, output_path, some_path
from udsd.cli.output import print_text
from udsd.cli.parser import make_parser
from udsd.cli.train_parser import parser_of_all
from udsd.extras import require
from udsd.pretrained.manifest import load_manifest

_PATHS = (folder_name, output_name, output_or_stream, output_path, some_path)
"""Types of arguments that are paths."""

_MODELS = ("model", "beside", "init", "name")
"""Arguments that are models."""

_WORDS = {
    "device": ("auto", "cpu", "cuda", "mps"),
    "dtype": ("auto", "float32", "bfloat16", "float16"),
    "backend": ("auto", "torch", "openvino"),
    "faces": ("auto", "center", "off"),
    "scale": ("auto", "off"),
}
"""What is offered for arguments that take other values too."""


def print_completion(options: Namespace) -> int:
    """Print the script of a command for a shell."""
    shtab = require("shtab", "shtab", "completion")
    parser = make_parser() if options.command == "udsd" else parser_of_all()
    zoo = load_manifest().aliases
    for action in _actions(parser):
        _offer(action, zoo, shtab.FILE)
    print_text(shtab.complete(parser, shell=options.shell))
    return 0


def _actions(parser: ArgumentParser) -> Iterator[Action]:
    """All arguments of a parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, _SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)


def _offer(action: Action, zoo: tuple[str, ...], files: dict[str, str]) -> None:
    """Say what a shell offers for an argument. Nothing is parsed with it afterwards, so that choices forbid nothing."""
    if action.type in _PATHS:
        action.complete = files  # type: ignore[attr-defined]
    elif action.choices is None and action.dest in _MODELS:
        action.choices = zoo
    elif action.choices is None and action.dest in _WORDS:
        action.choices = _WORDS[action.dest]
