"""Arguments of the ``udsd`` command, and the way errors leave it."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from udsd import __version__
from udsd.cli import evaluate, hub
from udsd.cli.commands import compare, deblur, export, list_models
from udsd.cli.output import print_error
from udsd.errors import UdsdError

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_CLOSED_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0: all is done. 1: some files of a run could not be restored. 2: nothing could be done; one line on standard
    error says why. 130: interrupted. 141: nobody reads the output any more.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s", level=logging.INFO if options.verbose else logging.WARNING)
    try:
        status: int = options.run(options)
    except UdsdError as error:
        print_error(error)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Who reads our output has closed it, as head does. At exit Python would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_CLOSED_PIPE
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="udsd", description="Restore blurred images of a known kind.")
    parser.add_argument("--version", action="version", version=f"udsd {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="say more about what is done")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("deblur", help="restore image files and folders of images")
    command.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="image file, folder, or pattern")
    command.add_argument("-o", "--output", required=True, type=Path, help="folder, or file for a single input")
    existing = command.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="restore again what is in the output already")
    existing.add_argument("--skip-existing", action="store_true", help="keep what is there: the default")
    command.add_argument("--compare", action="store_true", help="write pictures of input and result side by side")
    command.add_argument("--suffix", default="", help="put behind the names of results, such as _sharp")
    command.add_argument("--format", metavar="ENDING", help="format of results, such as png (default: as the input)")
    command.add_argument("--quality", type=int, metavar="N", help="of JPEG and the like (default: as the input)")
    command.add_argument(
        "--batch-size", type=int, metavar="N", help="images of one size at a time (default: 8 on GPUs)"
    )
    command.add_argument("--max-pixels", type=int, metavar="N", help="larger images are refused (default: 89 million)")
    command.add_argument("--report", type=Path, metavar="FILE", help="write what became of each file as JSON")
    command.add_argument("--json", action="store_true", help="print a line of JSON for each file")
    _add_model_options(command)
    command.set_defaults(run=deblur)

    command = commands.add_parser("compare", help="write a before/after picture of one image")
    command.add_argument("input", type=Path, metavar="INPUT", help="image file")
    command.add_argument("-o", "--output", required=True, type=Path, help="the picture to write")
    _add_model_options(command)
    command.set_defaults(run=compare)

    command = commands.add_parser("evaluate", help="measure a model on sharp images, blurred with fixed seeds")
    evaluate.add_options(command)
    _add_model_options(command)
    command.set_defaults(run=evaluate.run)

    command = commands.add_parser("export", help="write a model for another runtime")
    command.add_argument("model", metavar="MODEL", help="zoo name, model folder or Hub repository")
    command.add_argument("-o", "--output", required=True, type=Path, help="folder to write")
    command.add_argument("--format", required=True, choices=("openvino", "onnx"))
    command.add_argument("--int8", action="store_true", help="openvino: convolutions in 8 bits")
    command.add_argument("--calibration", type=Path, metavar="DIR", help="blurred images to choose the 8 bits by")
    command.set_defaults(run=export)

    command = commands.add_parser("models", help="list the models of the zoo")
    command.set_defaults(run=list_models)

    hub.add_commands(commands)
    return parser


def _add_model_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="text", help="zoo name, model folder or Hub repository (default: text)")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    command.add_argument("--memory-limit", metavar="SIZE", help="such as 2GB (default: half of what is free)")
    command.add_argument("--dtype", default="auto", help="auto, float32, bfloat16 or float16 (default: auto)")
    command.add_argument("--backend", default="auto", help="auto, torch or openvino (default: auto)")
