"""The ``udsd-train`` command: train, prepare pages, export."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from udsd.degradation import PageConfig, is_held_out, prepare_pages
from udsd.device import resolve_device
from udsd.errors import ConfigError, ImageError, UdsdError
from udsd.models.vgg import load_vgg19
from udsd.pretrained import load_model, save_model
from udsd.training.checkpoint import TRAINING_STATE, load_training_state, save_training_state
from udsd.training.config import TrainingConfig, parse_setting
from udsd.training.trainer import Trainer, load_run

EXIT_BAD_INPUT = 2

_RECIPES = Path(__file__).parent / "recipes"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 2 with one line on standard error that says why."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    commands = {"prepare-pages": _prepare_pages, "export": _export}
    try:
        if given and given[0] in commands:
            commands[given[0]](given[1:])
        else:
            _train(given)
    except UdsdError as error:
        print(f"udsd-train: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_BAD_INPUT
    return 0


def recipe_path(name: str) -> Path:
    """The file of a bundled recipe by its name, or of a recipe by its path.

    Raises:
        ConfigError: There is no such recipe; the message lists the bundled ones.
    """
    for path in (Path(name), _RECIPES / f"{name}.toml"):
        if path.is_file():
            return path
    bundled = ", ".join(sorted(path.stem for path in _RECIPES.glob("*.toml")))
    raise ConfigError(f"no recipe {name!r}; give a TOML file or one of: {bundled}")


def _train(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="udsd-train",
        description="Train a model on unpaired sharp and blurred images.",
        epilog="Also: udsd-train prepare-pages PDF... -o DIR renders documents to images; "
        "udsd-train export RUN -o DIR writes the model folder of a run.",
    )
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
    options = parser.parse_args(arguments)
    overrides = _overrides(options)
    initial, initial_state = None, None
    if options.init:
        initial, initial_state = load_model(options.init), load_training_state(Path(options.init))
        overrides["model"] = {**initial.config.to_dict(), **overrides.get("model", {})}
    config = TrainingConfig.from_toml(recipe_path(options.recipe), overrides)
    if not config.data.sharp:
        raise ConfigError("no sharp images; give --sharp DIR")
    vgg = load_vgg19(options.vgg_weights) if config.needs_vgg or options.vgg_weights else None
    trainer = Trainer(
        config,
        options.output,
        resolve_device(options.device),
        resume=options.resume,
        overwrite=options.overwrite,
        vgg=vgg,
        initial=initial,
        initial_state=initial_state,
    )
    trainer.fit()
    trainer.processes.part()


def _overrides(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    overrides: dict[str, dict[str, Any]] = {}
    for setting in options.set:
        section, key, value = parse_setting(setting)
        overrides.setdefault(section, {})[key] = value
    for side in ("sharp", "blurred", "validation"):
        folders = getattr(options, side)
        if folders:
            overrides.setdefault("data", {})[side] = folders
    return overrides


def _prepare_pages(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="udsd-train prepare-pages", description="Render PDF pages to PNG images.")
    parser.add_argument("documents", nargs="+", type=Path, metavar="PDF", help="PDF file, or folder with PDF files")
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder for the images")
    defaults = PageConfig()
    parser.add_argument("--dpi", nargs=2, type=int, default=defaults.dpi, metavar=("LOW", "HIGH"))
    parser.add_argument("--pages-per-document", type=int, default=defaults.pages_per_document)
    parser.add_argument(
        "--split", choices=("train", "test"), help="only documents for training, or those of a tenth of the folders"
    )
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(arguments)
    documents = [document for given in options.documents for document in _documents(given)]
    if options.split is not None:
        documents = [document for document in documents if is_held_out(document) == (options.split == "test")]
    config = PageConfig(dpi=tuple(options.dpi), pages_per_document=options.pages_per_document)
    written = prepare_pages(documents, options.output, config, options.processes)
    print(f"{len(written)} pages in {options.output}")  # noqa: T201


def _documents(given: Path) -> list[Path]:
    if given.is_file():
        return [given]
    found = sorted(path for path in given.rglob("*") if path.suffix.lower() == ".pdf" and not path.is_symlink())
    if not found:
        raise ImageError(f"{given} is no PDF file and no folder with PDF files")
    return found


def _export(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="udsd-train export", description="Write the model folder of a run.")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a training run")
    parser.add_argument("-o", "--output", required=True, type=Path, help="the model folder")
    parser.add_argument(
        "--training-state", action="store_true", help=f"also {TRAINING_STATE}: with it --init takes up all networks"
    )
    options = parser.parse_args(arguments)
    _, networks = load_run(options.run)
    save_model(networks.deblur_model, options.output)
    if options.training_state:
        save_training_state(networks, options.output)
    print(f"{options.output}: load it with Deblurrer.from_pretrained({str(options.output)!r})")  # noqa: T201
