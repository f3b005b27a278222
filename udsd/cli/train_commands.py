"""What ``udsd-train`` does, one function for each command: parsed options in, exit status out."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from udsd.cli.output import print_line
from udsd.degradation import PageConfig, is_held_out, prepare_pages
from udsd.device import resolve_device
from udsd.errors import ConfigError, ImageError
from udsd.evaluation.vgg import load_vgg19
from udsd.images.folders import find_files
from udsd.paths import is_file, is_folder
from udsd.pretrained import resolve, save_model
from udsd.training.checkpoint import load_training_state, save_training_state
from udsd.training.config import TrainingConfig, parse_setting
from udsd.training.recipe_files import recipe_path
from udsd.training.trainer import Trainer, load_run

logger = logging.getLogger(__name__)


def train(options: Namespace) -> int:
    """Train a model."""
    overrides = _overrides(options)
    initial, initial_state = None, None
    if options.init:
        folder = resolve(options.init)
        initial, initial_state = folder.load_model(), load_training_state(folder.path)
        overrides["model"] = {**initial.config.to_dict(), **overrides.get("model", {})}
    config = TrainingConfig.from_toml(recipe_path(options.recipe), overrides)
    if not config.data.sharp:
        raise ConfigError("no sharp images; give --sharp DIR")
    trainer = Trainer(
        config,
        options.output,
        resolve_device(options.device),
        resume=options.resume,
        overwrite=options.overwrite,
        vgg=load_vgg19(options.vgg_weights) if config.needs_vgg or options.vgg_weights else None,
        initial=initial,
        initial_state=initial_state,
    )
    trainer.fit()
    trainer.processes.part()
    return 0


def prepare_documents(options: Namespace) -> int:
    """Render documents to images."""
    documents = _documents(options.documents)
    if options.split is not None:
        documents = [document for document in documents if is_held_out(document) == (options.split == "test")]
    given = {"dpi": options.dpi and tuple(options.dpi), "pages_per_document": options.pages_per_document}
    config = PageConfig(**{name: value for name, value in given.items() if value is not None})
    written = prepare_pages(documents, options.output, config, options.processes)
    print_line(f"{len(written)} pages in {options.output}")
    return 0


def export_run(options: Namespace) -> int:
    """Write the model folder of a run."""
    _, networks = load_run(options.folder)
    save_model(networks.deblur_model, options.output)
    if options.training_state:
        save_training_state(networks, options.output)
    print_line(f"{options.output}: load it with Deblurrer.from_pretrained({str(options.output)!r})")
    return 0


def _overrides(options: Namespace) -> dict[str, dict[str, Any]]:
    overrides: dict[str, dict[str, Any]] = {}
    for setting in options.set:
        section, key, value = parse_setting(setting)
        overrides.setdefault(section, {})[key] = value
    for side in ("sharp", "blurred", "validation"):
        folders = getattr(options, side)
        if folders:
            overrides.setdefault("data", {})[side] = folders
    return overrides


def _documents(given: Sequence[Path]) -> list[Path]:
    """PDF files, and those in folders; what cannot be found is told and left out."""
    documents = []
    for path in given:
        found = [path] if is_file(path) else sorted(find_files(path, (".pdf",))) if is_folder(path) else []
        if not found:
            logger.warning("%s is no PDF file and no folder with PDF files, and is left out", path)
        documents += found
    if not documents:
        raise ImageError(f"{given[0]} is no PDF file and no folder with PDF files")
    return documents
