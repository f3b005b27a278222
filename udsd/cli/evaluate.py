"""``udsd evaluate``: measure a model on sharp images that are blurred with fixed seeds."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path

from udsd.cli.commands import load_deblurrer
from udsd.cli.output import print_line
from udsd.evaluation import EvaluationReport, PageStrips, blurred_pairs, evaluate, unsharp_mask, whole_images
from udsd.images import find_images
from udsd.models.vgg import load_vgg19
from udsd.training.blur import BlurConfig


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare what `run` reads, besides the options of the model."""
    blur = BlurConfig()
    command.add_argument("sharp", type=Path, metavar="SHARP", help="folder of sharp images the model never saw")
    command.add_argument("-o", "--output", required=True, type=Path, help="folder for the report")
    command.add_argument("--strips", type=int, metavar="N", help="cut N full-width strips of text lines from pages")
    command.add_argument("--ocr", action="store_true", help="read the results with tesseract, count wrong characters")
    command.add_argument("--vgg-weights", type=Path, help="VGG-19 as safetensors; measures feature distances")
    command.add_argument("--path-length", nargs=2, type=float, default=blur.path_length, metavar=("LOW", "HIGH"))
    command.add_argument("--noise", nargs=2, type=float, default=blur.noise, metavar=("LOW", "HIGH"))
    command.add_argument("--seed", type=int, default=0, help="seed of strips, blur and noise (default: 0)")


def run(options: Namespace) -> int:
    """Measure, write ``report.json``, ``report.md`` and ``contact.png``, and print the table."""
    deblurrer = load_deblurrer(options)
    files = list(find_images(options.sharp))
    images = whole_images(files) if options.strips is None else _strips(options).cut(files)
    blur = BlurConfig(path_length=tuple(options.path_length), noise=tuple(options.noise))
    report = evaluate(
        blurred_pairs(images, blur, seed=options.seed),
        {options.model: deblurrer.deblur, "unsharp mask": unsharp_mask},
        ocr=options.ocr,
        vgg=load_vgg19(options.vgg_weights) if options.vgg_weights else None,
    )
    _write(report, options.output)
    print_line(report.to_markdown())
    return 0


def _strips(options: Namespace) -> PageStrips:
    return PageStrips(count=options.strips, seed=options.seed)


def _write(report: EvaluationReport, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(report.to_json(), encoding="utf-8")
    (folder / "report.md").write_text(report.to_markdown(), encoding="utf-8")
    report.contact_sheet(folder / "contact.png")
