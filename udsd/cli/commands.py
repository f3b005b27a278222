"""The commands themselves, one function each: parsed options in, exit status out."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from udsd.cli.output import print_error, print_line
from udsd.deblurrer import Deblurrer
from udsd.errors import ConfigError
from udsd.files import FileReport, FileResult, compare_file, restore_files
from udsd.pretrained import load_manifest

_MEGABYTE = 1e6


def deblur(options: Namespace) -> int:
    """Restore files and folders."""
    report = restore_files(
        load_deblurrer(options),
        options.inputs,
        options.output,
        overwrite=options.overwrite,
        compare=options.compare,
        suffix=options.suffix,
        file_format=options.format,
        progress=sys.stderr.isatty(),
        on_result=_print_result if options.json else None,
    )
    if options.report is not None:
        _write_report(report, options.report)
    for reason in report.failed.values():
        print_error(reason)
    if not options.json:
        print_line(_summary(report))
    if not report.failed:
        return 0
    return 1 if report.restored or report.kept else 2


def compare(options: Namespace) -> int:
    """Write a before/after picture."""
    compare_file(load_deblurrer(options), options.input, options.output)
    print_line(str(options.output))
    return 0


def list_models(options: Namespace) -> int:
    """Print the zoo as a table."""
    rows = [("name", "width", "MB", "licence", "restores", "scores")]
    for entry in load_manifest().models:
        scores = ", ".join(f"{name} {value:g}" for name, value in entry.scores.items())
        size = f"{entry.bytes / _MEGABYTE:.1f}"
        rows.append((entry.alias, str(entry.base_width), size, entry.licence, entry.description, scores))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def load_deblurrer(options: Namespace, model: str | None = None) -> Deblurrer:
    """The model that the options name, or the one given, run as the options want it."""
    return Deblurrer.from_pretrained(
        model or options.model, device=options.device, dtype=options.dtype, memory_limit=options.memory_limit
    )


def _print_result(result: FileResult) -> None:
    print_line(result.to_json())


def _write_report(report: FileReport, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(report.to_json(), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write the report {path} ({error.strerror}); choose another place") from error


def _summary(report: FileReport) -> str:
    parts = [f"{len(report.restored)} restored"]
    if report.kept:
        parts.append(f"{len(report.kept)} kept that were there (--overwrite restores them again)")
    if report.failed:
        parts.append(f"{len(report.failed)} failed")
    return ", ".join(parts)
