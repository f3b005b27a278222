"""The commands themselves, one function each: parsed options in, exit status out."""

from __future__ import annotations

import logging
import os
import sys
from argparse import Namespace
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from udsd.choosing import ModelChooser
from udsd.cli.help import QUIET
from udsd.cli.interrupts import INTERRUPTS
from udsd.cli.output import megabytes, print_error, print_line, print_note, print_table
from udsd.cli.pipes import STREAM, Pipes, piped
from udsd.cli.reports import check_report, write_report
from udsd.deblurrer import Deblurrer
from udsd.domains import DeblurOptions, FaceBoxes, read_boxes
from udsd.domains.options import Faces, Scale
from udsd.errors import ConfigError, ImageError, MemoryLimitError
from udsd.export import export_onnx, export_openvino
from udsd.files import FileReport, FileResult, Restorer, compare_file, restore_files, write_face_crops
from udsd.files.kinds import part_name
from udsd.files.lists import PathList, read_standard_input
from udsd.files.naming import Naming, name_beside
from udsd.files.searches import is_pattern
from udsd.images import find_images, set_page_limit, set_pixel_limit
from udsd.paths import is_file, is_same_file
from udsd.pretrained import load_manifest, load_model
from udsd.pretrained.folder import CONFIG_FILE, WEIGHTS_FILE

logger = logging.getLogger(__name__)


def deblur(options: Namespace) -> int:
    """Restore files and folders."""
    options.output = _output(options)
    set_limits(options)  # they hold for what comes from a pipe too
    with piped(options) as pipes:
        return _deblur(options, pipes)


def _deblur(options: Namespace, pipes: Pipes) -> int:
    output = options.output
    keywords = restore_keywords(options)
    report = FileReport()

    def take(found: FileResult) -> None:
        result = pipes.result(found)
        report.results.append(result)
        tell(found, options)
        INTERRUPTS.done += result.status != "failed"
        if options.json:
            print_line(result.to_json())

    try:
        restore_files(
            partial(load_restorer, options),
            options.inputs if options.files_from is None else _listed(options.files_from),
            output,
            **keywords,
            progress=sys.stderr.isatty() and options.verbosity != QUIET,
            on_result=take,
        )
    except KeyboardInterrupt:
        if options.report is not None:
            write_report(report.to_json(), options.report)
        raise
    pipes.write()
    for reason in (report.failed | report.unsuitable).values():
        print_error(reason)
    if not options.json and options.verbosity != QUIET:
        (print_note if pipes.has_output else print_line)(summary(report, output))
    if options.report is not None:
        write_report(report.to_json(), options.report)
    return exit_status(report)


def compare(options: Namespace) -> int:
    """Write a before/after picture."""
    domain, boxes = domain_options(options)
    found = boxes.of(options.input)
    domain = domain if found is None else replace(domain, faces=found)
    result = compare_file(
        partial(load_restorer, options),
        options.input,
        options.output,
        domain,
        overwrite=options.overwrite,
        password=options.password,
    )
    kept = " is there already and is kept (--overwrite makes it again)" if result.status == "kept" else ""
    if options.verbosity != QUIET:
        print_line(f"{result.target}{kept}")
    return 0


def export(options: Namespace) -> int:
    """Write a model for another runtime."""
    if options.int8 != (options.calibration is not None):
        raise ConfigError("--int8 and --calibration DIR (blurred images of the model's domain) go together")
    if options.int8 and options.format != "openvino":
        raise ConfigError("8 bits are for --format openvino only")
    if is_same_file(Path(options.model), options.output):
        raise ConfigError(f"{options.output} holds the model that is read; choose another folder")
    model = load_model(options.model)
    if options.format == "onnx":
        agreement = export_onnx(model, options.output)
    else:
        calibration = [*find_images(options.calibration)] if options.int8 else None
        agreement = export_openvino(model, options.output, calibration)
    if options.verbosity != QUIET:
        print_line(f"{options.output}: within {agreement:.0f} dB of PyTorch's float32 results")
    return 0


def list_models(options: Namespace) -> int:
    """Print the zoo as a table."""
    rows = [("name", "width", "MB", "licence", "restores", "scores")]
    for entry in load_manifest().models:
        scores = ", ".join(f"{name} {value:g}" for name, value in entry.scores.items())
        rows.append(
            (entry.alias, str(entry.base_width), megabytes(entry.bytes), entry.licence, entry.description, scores)
        )
    print_table(rows)
    return 0


def load_deblurrer(options: Namespace, model: str | None = None) -> Deblurrer:
    """The model that the options name, or the one given, run as the options want it."""
    return Deblurrer.from_pretrained(
        model or options.model,
        device=options.device,
        dtype=options.dtype,
        memory_limit=options.memory_limit,
        backend=options.backend,
    )


def set_limits(options: Namespace) -> None:
    """Set the largest size and number of pages of what is read."""
    if options.max_pixels is not None:
        set_pixel_limit(options.max_pixels)
    if options.max_pages is not None:
        set_page_limit(options.max_pages)


def restore_keywords(options: Namespace) -> dict[str, Any]:
    """What the options say of how files are restored, checked: keywords of `udsd.files.restore_files`."""
    if options.report is not None:
        named = [] if options.files_from in (None, STREAM) else [options.files_from]
        named += [Path(options.faces)] if _names_boxes(options) else []
        reads = [*options.inputs, *named, *_files_of(options.model)]
        check_report(options.report, reads, Path(options.output))
    if options.compare and options.face_crops is not None:
        raise ConfigError(
            "--face-crops takes faces out of results, of which --compare writes none; leave one of them out"
        )
    domain, boxes = domain_options(options)
    return {
        "overwrite": options.overwrite,
        "compare": options.compare,
        "suffix": options.suffix,
        "file_format": options.format,
        "quality": options.quality,
        "max_growth": options.max_growth,
        "pages": options.pages,
        "password": options.password,
        "shard": options.shard,
        "codec": options.codec,
        "steady": not options.frame_by_frame,
        "batch_size": options.batch_size,
        "options": domain,
        "boxes": boxes,
        "other_results": options.face_crops,
    }


def _listed(source: Path) -> PathList:
    """The files of a list, which may be on standard input."""
    return read_standard_input() if source == STREAM else PathList.read(source)


def tell(result: FileResult, options: Namespace) -> None:
    """Log how a file was brought to the model, and write its faces where they are wanted."""
    _log_pages(result)
    if options.face_crops is not None:
        _write_face_crops(result, options.face_crops, options.output)


def _log_pages(result: FileResult) -> None:
    if result.status != "restored":
        return  # then it is said what became of the file
    for page in result.pages:
        name = f"{result.source}" if page.number == 1 else f"{result.source}, {part_name(result.source)} {page.number}"
        for region in page.regions:
            logger.info("%s: %s", name, region.describe())
        for note in page.notes:
            logger.warning("%s: %s", name, note)


def _write_face_crops(result: FileResult, folder: Path, output: str | Path) -> None:
    """Write the faces of a file; what goes wrong with them is told, and stops nothing."""
    try:
        write_face_crops(result, folder, output)
    except (ImageError, MemoryLimitError) as error:
        logger.warning("the faces of %s are not written: %s", result.source, error)


def load_restorer(options: Namespace) -> Restorer:
    """The model that the options name; without a name, one for each picture, chosen by looking at it."""
    if options.model is not None:
        return load_deblurrer(options)
    return ModelChooser(load_manifest(), partial(load_deblurrer, options), options.device)


def domain_options(options: Namespace) -> tuple[DeblurOptions, FaceBoxes]:
    """How the options want images brought to the model, and where faces lie in them."""
    names_file = _names_boxes(options)
    chosen = DeblurOptions(
        scale=options.scale if options.scale in get_args(Scale) else _number(options.scale),
        faces="auto" if names_file else options.faces,
        background=options.background,
        min_face=options.min_face,
        strength=options.strength,
        quality=options.domain_quality,
        skip_sharp=getattr(options, "skip_sharp", False),
    )
    return chosen, read_boxes(options.faces) if names_file else FaceBoxes()


def _names_boxes(options: Namespace) -> bool:
    """Whether what is said of faces is the name of a file of boxes."""
    return options.faces not in get_args(Faces)


def _number(text: str) -> Any:
    """The number, or the text itself if it is none, which is refused like any other that is out of range."""
    try:
        return float(text)
    except ValueError:
        return text


def _files_of(model: str | None) -> list[Path]:
    """The files of a model that is a folder on this machine."""
    if model is None:
        return []
    folder = Path(model)
    return [folder / CONFIG_FILE, folder / WEIGHTS_FILE]


def _output(options: Namespace) -> str:
    """Where results go: where the options say, or for a single file beside it."""
    if options.output is not None or options.inputs == [STREAM]:
        return str(options.output or STREAM)
    if len(options.inputs) == 1 and not is_pattern(options.inputs[0]) and not os.path.lexists(options.inputs[0]):
        raise ImageError(f"{options.inputs[0]}: no such file; check the path")
    if len(options.inputs) != 1 or not is_file(options.inputs[0]):
        raise ConfigError("where shall the results go? name a folder with -o; only a single file can do without")
    naming = Naming(options.suffix, options.format)
    target = name_beside(options.inputs[0], naming, "_compared" if options.compare else "_restored")
    # The name has all of it.
    options.suffix, options.format = "", None
    return str(target)


def exit_status(report: FileReport) -> int:
    """0 if all is well, 2 if nothing could be done, else 1."""
    if report.failed and len(report.failed) == len(report.results):
        return 2
    return 1 if report.failed or report.unsuitable else 0


def summary(report: FileReport, output: str) -> str:
    """What became of all files, in one line."""
    parts = [f"{len(report.restored)} restored"]
    if report.kept:
        parts.append(f"{len(report.kept)} kept that were there (--overwrite restores them again)")
    if report.sharp:
        parts.append(f"{len(report.sharp)} left out, sharp already")
    if report.unsuitable:
        parts.append(f"{len(report.unsuitable)} left out, for which there is no model")
    if report.failed:
        parts.append(f"{len(report.failed)} failed")
    models = f" (by {' and '.join(report.models)})" if report.models else ""
    results = [*report.restored, *report.kept]
    where = f": {results[0] if len(results) == 1 else output}" if results else ""
    return ", ".join(parts) + models + where
