"""The ``udsd-train`` command: train, prepare pages, export. As in `udsd.cli.parser`, nothing heavy is imported here."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from udsd import __version__
from udsd.cli.lazy import find_function
from udsd.cli.output import print_error, show_log
from udsd.errors import ConfigError, UdsdError

EXIT_BAD_INPUT = 2

_NEEDED = "accelerate"
"""The package of the extra ``train`` without which no training module can be imported."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 2 with one line on standard error that says why."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parsers = {"prepare-pages": _prepare_pages_parser, "export": _export_parser}
    is_named = bool(given) and given[0] in parsers
    parser = parsers[given[0]]() if is_named else _train_parser()
    missing = importlib.util.find_spec(_NEEDED) is None
    try:
        options = parser.parse_args(given[is_named:])
    except SystemExit as stop:
        if missing and not stop.code:  # --help or --version, which were answered
            print_error(_advice(), command="udsd-train")
        raise
    show_log(logging.INFO)
    try:
        if missing:
            raise ConfigError(_advice())
        return find_function(options.run)(options)
    except UdsdError as error:
        print_error(error, command="udsd-train")
        return EXIT_BAD_INPUT


def _advice() -> str:
    return f"training needs packages that are not installed ({_NEEDED} is missing); run: pip install 'udsd[train]'"


def _train_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="udsd-train",
        description="Train a model on unpaired sharp and blurred images.",
        epilog="Also: udsd-train prepare-pages PDF... -o DIR renders documents to images; "
        "udsd-train export RUN -o DIR writes the model folder of a run.",
    )
    parser.add_argument("--version", action="version", version=f"udsd-train {__version__}")
    parser.add_argument("--sharp", action="append", metavar="DIR", help="folder of sharp images (may be repeated)")
    parser.add_argument("--blurred", action="append", metavar="DIR", help="folder of blurred images (may be repeated)")
    parser.add_argument(
        "--validation", action="append", metavar="DIR", help="folder of sharp images to measure on (may be repeated)"
    )
    parser.add_argument("--output", required=True, type=Path, help="folder of the run")
    parser.add_argument("--recipe", default="paper", help="bundled recipe or TOML file (default: paper)")
    parser.add_argument("--init", metavar="MODEL", help="start from a zoo model, a model folder or a Hub repository")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="such as warm_start.steps=500")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the run in the output folder")
    again.add_argument("--overwrite", action="store_true", help="remove the run in the output folder and begin anew")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    parser.add_argument("--vgg-weights", type=Path, help="VGG-19 as safetensors (default: torchvision downloads it)")
    parser.set_defaults(run="train_commands:train")
    return parser


def _prepare_pages_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="udsd-train prepare-pages", description="Render PDF pages to PNG images.")
    parser.add_argument("documents", nargs="+", type=Path, metavar="PDF", help="PDF file, or folder with PDF files")
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder for the images")
    parser.add_argument("--dpi", nargs=2, type=int, metavar=("LOW", "HIGH"), help="resolution (default: 110 160)")
    parser.add_argument("--pages-per-document", type=int, metavar="N", help="at most so many, spread (default: 20)")
    parser.add_argument(
        "--split", choices=("train", "test"), help="only documents for training, or those of a tenth of the folders"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.set_defaults(run="train_commands:prepare_documents")
    return parser


def _export_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="udsd-train export", description="Write the model folder of a run.")
    parser.add_argument("folder", type=Path, metavar="RUN", help="folder of a training run")
    parser.add_argument("-o", "--output", required=True, type=Path, help="the model folder")
    parser.add_argument(
        "--training-state",
        action="store_true",
        help="also training_state.safetensors: with it --init takes up all networks",
    )
    parser.set_defaults(run="train_commands:export_run")
    return parser
