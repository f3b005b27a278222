"""``udsd evaluate``: measure models on sharp images blurred with fixed seeds, or on pairs of images."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from udsd.cli.commands import load_deblurrer
from udsd.cli.output import print_line, write_report
from udsd.degradation import BlurConfig
from udsd.errors import ConfigError
from udsd.evaluation import (
    EvaluationPair,
    EvaluationReport,
    Method,
    PageStrips,
    blurred_pairs,
    evaluate,
    folder_pairs,
    unsharp_mask,
    whole_images,
)
from udsd.images import find_images
from udsd.models.vgg import load_vgg19


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare what `run` reads, besides the options of the model."""
    blur = BlurConfig()
    command.add_argument("sharp", type=Path, metavar="SHARP", help="folder of sharp images the model never saw")
    command.add_argument("-o", "--output", required=True, type=Path, help="folder for the report")
    command.add_argument(
        "--blurred", type=Path, metavar="DIR", help="folder of their blurred versions under the same names"
    )
    command.add_argument(
        "--beside", action="append", default=[], metavar="MODEL", help="measure another model too (may be repeated)"
    )
    command.add_argument("--strips", type=int, metavar="N", help="cut N full-width strips of text lines from pages")
    command.add_argument("--ocr", action="store_true", help="read the results with tesseract, count wrong characters")
    command.add_argument("--vgg-weights", type=Path, help="VGG-19 as safetensors; measures feature distances")
    for name, default, what in (
        ("--path-length", blur.path_length, "camera paths in pixels (default: %(default)s)"),
        ("--noise", blur.noise, "deviation of the noise in levels of 255 (default: %(default)s)"),
        ("--defocus", None, "every image is out of focus too, by a disc of this radius in pixels"),
    ):
        command.add_argument(name, nargs=2, type=float, default=default, metavar=("LOW", "HIGH"), help=what)
    command.add_argument(
        "--other-paper", action="store_true", help="print each image anew, in fainter ink on tinted and shaded paper"
    )
    command.add_argument("--seed", type=int, default=0, help="seed of strips, blur and noise (default: 0)")


def run(options: Namespace) -> int:
    """Measure, write ``report.json``, ``report.md`` and ``contact.png``, and print the table."""
    report = evaluate(
        _pairs(options),
        _methods(options),
        ocr=options.ocr,
        vgg=load_vgg19(options.vgg_weights) if options.vgg_weights else None,
    )
    _write(report, options.output)
    print_line(report.to_markdown())
    return 0


def _pairs(options: Namespace) -> Iterable[EvaluationPair]:
    if options.blurred is not None:
        if options.strips is not None:
            raise ConfigError("--strips cuts pages that are blurred afterwards; leave it or --blurred out")
        if options.other_paper:
            raise ConfigError("--other-paper prints pages that are blurred afterwards; leave it or --blurred out")
        return folder_pairs(options.blurred, options.sharp)
    files = list(find_images(options.sharp))
    images = whole_images(files) if options.strips is None else _strips(options).cut(files)
    return blurred_pairs(images, _blur(options), seed=options.seed, other_paper=options.other_paper)


def _blur(options: Namespace) -> BlurConfig:
    blur = BlurConfig(path_length=tuple(options.path_length), noise=tuple(options.noise))
    if options.defocus is None:
        return blur
    return replace(blur, defocus_probability=1.0, defocus_radius=tuple(options.defocus))


def _strips(options: Namespace) -> PageStrips:
    return PageStrips(count=options.strips, seed=options.seed)


def _methods(options: Namespace) -> dict[str, Method]:
    names = [options.model, *options.beside]
    methods: dict[str, Method] = {name: load_deblurrer(options, name).deblur for name in names}
    return {**methods, "unsharp mask": unsharp_mask}


def _write(report: EvaluationReport, folder: Path) -> None:
    write_report(report.to_json(), folder / "report.json")
    write_report(report.to_markdown(), folder / "report.md")
    report.contact_sheet(folder / "contact.png")
