"""Arguments of the ``udsd-train`` command. As in `udsd.cli.parser`, nothing heavy is imported here."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Sequence

from udsd.cli.arguments import folder_name, output_path, some_path, some_seed, some_time
from udsd.cli.help import add_version, describe_command
from udsd.cli.help_texts import TRAIN_COMMANDS
from udsd.cli.output import print_error
from udsd.errors import ConfigError
from udsd.extras import install_command
from udsd.training.recipe_files import recipe_titles

_NEEDED = "accelerate"
"""The package of the extra ``train`` without which nothing can be trained."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments.

    Raises:
        ConfigError: They are right, but a package that training needs is not installed.
    """
    given = list(arguments)
    others = _other_parsers()
    if given and given[0] in others:
        return others[given[0]]().parse_args(given[1:])
    missing = importlib.util.find_spec(_NEEDED) is None
    try:
        options = _train_parser().parse_args(given)
    except SystemExit as stop:
        if missing and not stop.code:  # --help or --version, which were answered
            print_error(_advice(), command="udsd-train")
        raise
    if missing:
        raise ConfigError(_advice())
    return options


def parser_of_all() -> argparse.ArgumentParser:
    """One parser of training and of the other commands, for a shell's completion; `parse` tells them apart itself."""
    parser = _train_parser()
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, make in _other_parsers().items():
        commands.add_parser(name, parents=[make()], add_help=False, help=TRAIN_COMMANDS[name].summary)
    return parser


def _other_parsers() -> dict[str, Callable[[], argparse.ArgumentParser]]:
    return {
        "blur": _blur_parser,
        "prepare-pages": _prepare_pages_parser,
        "export": _export_parser,
        "settings": _settings_parser,
    }


def _other_parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"udsd-train {name}")
    describe_command(parser, TRAIN_COMMANDS[name])
    add_version(parser, "udsd-train")
    return parser


def _advice() -> str:
    return f"training needs packages that are not installed ({_NEEDED} is missing); run: {install_command('train')}"


def _train_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="udsd-train",
        description="Train a model on unpaired sharp and blurred images.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_version(parser, "udsd-train")
    images = parser.add_argument_group("images")
    images.add_argument(
        "--sharp", action="append", type=folder_name, metavar="DIR", help="folder of sharp images (may be repeated)"
    )
    images.add_argument(
        "--blurred", action="append", type=folder_name, metavar="DIR", help="folder of blurred images (may be repeated)"
    )
    images.add_argument(
        "--pairs",
        nargs=2,
        type=folder_name,
        metavar=("BLURRED", "SHARP"),
        help="instead of both: blurred images, and the same without blur, under the same names",
    )
    images.add_argument(
        "--validation",
        action="append",
        type=folder_name,
        metavar="DIR",
        help="folder of sharp images to blur and measure on (may be repeated)",
    )
    images.add_argument(
        "--validation-pairs",
        nargs=2,
        type=folder_name,
        metavar=("BLURRED", "SHARP"),
        help="two folders to measure on: blurred images, and the same without blur, under the same names",
    )
    run = parser.add_argument_group("the run")
    run.add_argument("--output", required=True, type=output_path, help="folder of the run")
    run.add_argument("--recipe", help="bundled recipe or TOML file (default: automatic)")
    run.add_argument(
        "--budget", type=some_time, metavar="TIME", help="time that all may take, such as 8min (without a recipe)"
    )
    run.add_argument(
        "--init",
        metavar="MODEL",
        help="start from the weights of a zoo model, a model folder or a Hub repository (default: that of the recipe; "
        "without a recipe text-small; '' for none)",
    )
    run.add_argument(
        "--teacher",
        metavar="MODEL",
        help="learn from what this model makes of the blurred crops, too: a zoo model, a model folder or a Hub "
        "repository, most often a wider one",
    )
    run.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="such as warm_start.steps=500")
    again = run.add_mutually_exclusive_group()
    again.add_argument(
        "--resume", action="store_true", help="go on with the run in the output folder, with the settings that it had"
    )
    again.add_argument("--overwrite", action="store_true", help="remove the run in the output folder and begin anew")
    run.add_argument(
        "--change-settings", action="store_true", help="with --resume: go on with other settings than it had"
    )
    run.add_argument("--dry-run", action="store_true", help="check everything, say what would be done, write nothing")
    run.add_argument("--device", help="auto, cpu, cuda or cuda:N (default: auto)")
    run.add_argument("--vgg-weights", type=some_path, help="VGG-19 as safetensors (default: torchvision downloads it)")
    parser.set_defaults(run="training:train")
    return parser


def _epilog() -> str:
    titles = recipe_titles()
    width = max(map(len, titles))
    recipes = "\n".join(f"  {name:{width}}  {title}" for name, title in titles.items())
    return f"""\
recipes (each a TOML file; `udsd-train settings RECIPE` shows one):
{recipes}

examples:
  udsd-train --sharp sharp/ --blurred blurred/ --output runs/mine --budget 8min
  udsd-train --sharp my-images/ --recipe text-small --output runs/mine --dry-run
  udsd-train --sharp my-images/ --recipe text-small --output runs/mine
  udsd-train --init text-small --sharp sharp/ --blurred blurred/ --recipe unpaired --output runs/mine
  udsd-train --sharp my-images/ --output runs/mine --set warm_start.steps=500 --set data.crop_size=64
  udsd-train --resume --output runs/mine
  udsd-train export runs/mine -o my-model/

other commands (each has a --help of its own):
  udsd-train blur DIR -o REPORT             find out what blur a folder of images has
  udsd-train export RUN -o DIR              write the model folder of a run
  udsd-train settings [RECIPE]              list all settings, with types, values and meaning
  udsd-train prepare-pages PDF... -o DIR    render documents to images"""


def _settings_parser() -> argparse.ArgumentParser:
    parser = _other_parser("settings")
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="bundled recipe or TOML file (default: none)")
    parser.set_defaults(run="training_settings:list_settings")
    return parser


def _blur_parser() -> argparse.ArgumentParser:
    parser = _other_parser("blur")
    parser.add_argument("blurred", nargs="+", type=folder_name, metavar="DIR", help="folder of blurred images")
    parser.add_argument(
        "--sharp",
        action="append",
        type=folder_name,
        metavar="DIR",
        help="folder of sharp images of the same kind: the result is more exact (may be repeated)",
    )
    parser.add_argument("-o", "--output", required=True, type=output_path, help="folder for the report")
    parser.add_argument("--seed", type=some_seed, default=0, help="seed of all random draws (default: 0)")
    parser.set_defaults(run="blur:report_blur")
    return parser


def _prepare_pages_parser() -> argparse.ArgumentParser:
    parser = _other_parser("prepare-pages")
    parser.add_argument(
        "documents", nargs="+", type=some_path, metavar="PDF", help="PDF file, or folder with PDF files"
    )
    parser.add_argument("-o", "--output", required=True, type=output_path, help="folder for the images")
    parser.add_argument("--dpi", nargs=2, type=int, metavar=("LOW", "HIGH"), help="resolution (default: 110 160)")
    parser.add_argument("--pages-per-document", type=int, metavar="N", help="at most so many, spread (default: 20)")
    parser.add_argument(
        "--split", choices=("train", "test"), help="only documents for training, or those of a tenth of the folders"
    )
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="documents at a time (default: 1)")
    parser.set_defaults(run="documents:prepare_pages")
    return parser


def _export_parser() -> argparse.ArgumentParser:
    parser = _other_parser("export")
    parser.add_argument("folder", type=some_path, metavar="RUN", help="folder of a training run")
    parser.add_argument("-o", "--output", required=True, type=output_path, help="the model folder")
    parser.add_argument("--last", action="store_true", help="the newest weights, not the best of the run's validation")
    parser.add_argument(
        "--training-state",
        action="store_true",
        help="also training_state.safetensors: with it --init takes up all networks",
    )
    parser.add_argument("--licence", metavar="SPDX", help="licence of the weights for the card, such as Apache-2.0")
    parser.set_defaults(run="runs:export_run")
    return parser
