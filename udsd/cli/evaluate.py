"""``udsd evaluate``: measure models on sharp images blurred with fixed seeds, or on pairs of images."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from udsd.cli.commands import load_deblurrer
from udsd.cli.output import print_line
from udsd.cli.reports import write_report
from udsd.degradation import BlurConfig
from udsd.errors import ConfigError
from udsd.evaluation import (
    EvaluationPair,
    EvaluationReport,
    Method,
    TextStrips,
    blurred_pairs,
    evaluate,
    folder_pairs,
    unsharp_mask,
    whole_images,
)
from udsd.evaluation.vgg import load_vgg19
from udsd.images import find_images
from udsd.paths import is_same_file, real_path


def run(options: Namespace) -> int:
    """Measure, write ``report.json``, ``report.md`` and ``contact.png``, and print the table."""
    pairs = _pairs(options)
    _check_output(options)
    report = evaluate(
        pairs,
        _methods(options),
        ocr=options.ocr,
        vgg=load_vgg19(options.vgg_weights) if options.vgg_weights else None,
    )
    _write(report, options.output)
    for line in report.to_markdown().splitlines():
        print_line(line)
    return 0


def _check_output(options: Namespace) -> None:
    """The report's picture must not replace an image, nor be taken for one by the next run."""
    results = real_path(options.output)
    for folder in (options.sharp, options.blurred):
        if folder is not None and any(is_same_file(one, folder) for one in (results, *results.parents)):
            raise ConfigError(f"the report would lie among the images of {folder}; choose a folder outside of it")


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
    blur = BlurConfig()
    if options.path_length is not None:
        blur = replace(blur, path_length=tuple(options.path_length))
    if options.noise is not None:
        blur = replace(blur, noise=tuple(options.noise))
    if options.defocus is not None:
        blur = replace(blur, defocus_probability=1.0, defocus_radius=tuple(options.defocus))
    if options.gamma is not None:
        blur = replace(blur, gamma_probability=1.0, gamma=tuple(options.gamma))
    return blur


def _strips(options: Namespace) -> TextStrips:
    return TextStrips(count=options.strips, seed=options.seed)


def _methods(options: Namespace) -> dict[str, Method]:
    names = [options.model, *options.beside]
    methods: dict[str, Method] = {name: load_deblurrer(options, name).deblur for name in names}
    return {**methods, "unsharp mask": unsharp_mask}


def _write(report: EvaluationReport, folder: Path) -> None:
    write_report(report.to_json(), folder / "report.json")
    write_report(report.to_markdown(), folder / "report.md")
    report.contact_sheet(folder / "contact.png")
