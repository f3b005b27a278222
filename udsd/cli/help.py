"""Help of the commands, and the options that all of them have."""

from __future__ import annotations

import argparse

from udsd import __version__
from udsd.cli.help_texts import HelpText

QUIET, NORMAL, VERBOSE = "quiet", "normal", "verbose"
"""How much is said; ``verbosity`` of the parsed options."""


def describe_command(parser: argparse.ArgumentParser, text: HelpText) -> None:
    """Give the parser of a command what its help says beside the options."""
    parser.description = text.description
    parser.epilog = "\n".join(["examples:", *(f"  {example}" for example in text.examples)])
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def add_version(parser: argparse.ArgumentParser, name: str) -> None:
    """Add ``--version``; the name is that of the program."""
    parser.add_argument("--version", action="version", version=f"{name} {__version__}")


def add_verbosity(parser: argparse.ArgumentParser, *, of_all: bool) -> None:
    """Add ``-q`` and ``-v``, which may stand before the name of a command as well as behind it.

    Args:
        parser: The parser of all commands, or of one of them.
        of_all: Whether it is that of all. A single one leaves alone what stands before its name.
    """
    default = NORMAL if of_all else argparse.SUPPRESS
    how_much = parser.add_mutually_exclusive_group()
    for letter, word, what in (
        ("-q", QUIET, "errors and results alone: no progress, no warnings, no summary"),
        ("-v", VERBOSE, "say more about what is done"),
    ):
        how_much.add_argument(
            letter, f"--{word}", dest="verbosity", action="store_const", const=word, default=default, help=what
        )
