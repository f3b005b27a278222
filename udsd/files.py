"""Restore files and folders: one bad file never stops the rest, and a second run goes on where one stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from udsd.deblurrer import Deblurrer
from udsd.errors import ImageError
from udsd.images import decode_image, find_images, save_image, side_by_side


@dataclass(slots=True)
class FileReport:
    """What became of each file.

    Attributes:
        restored: Files written in this run.
        kept: Files that were there already, and were left alone.
        failed: Inputs that could not be restored, each with the reason.
    """

    restored: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    failed: dict[Path, str] = field(default_factory=dict)


def restore_files(
    deblurrer: Deblurrer,
    inputs: Sequence[Path],
    output: Path,
    *,
    overwrite: bool = False,
    compare: bool = False,
    progress: bool = False,
) -> FileReport:
    """Restore image files, and all images in folders.

    Results keep their names, and their places below the folder that was given. Each is written aside and then
    renamed, so that a run that is killed leaves no half file; the next run keeps what is whole.

    Args:
        deblurrer: The model.
        inputs: Image files and folders.
        output: A folder, made when missing; or, for a single file, the name of the result.
        overwrite: Restore again what is in ``output`` already.
        compare: Write a picture of input and result beside each other instead of the result alone.
        progress: Show a progress bar on standard error.

    Raises:
        ImageError: An input is missing, a folder holds no images, or two inputs would give one file. Nothing
            has been written then.
    """
    jobs = _plan(inputs, output)
    report = FileReport()
    for source, target in tqdm(jobs, unit="image", disable=not progress):
        if target.exists() and not overwrite:
            report.kept.append(target)
            continue
        try:
            _restore_file(deblurrer, source, target, compare=compare)
        except ImageError as error:
            report.failed[source] = str(error)
        else:
            report.restored.append(target)
    return report


def compare_file(deblurrer: Deblurrer, source: Path, target: Path) -> None:
    """Write a picture of a blurred image and its restoration beside each other.

    Raises:
        ImageError: The image cannot be read or the picture cannot be written.
    """
    _restore_file(deblurrer, source, target, compare=True)


def _restore_file(deblurrer: Deblurrer, source: Path, target: Path, *, compare: bool) -> None:
    restored = deblurrer.deblur(source)
    if compare:
        decoded = decode_image(source)
        restored = side_by_side([decoded.encode(decoded.pixels), restored], ["blurred", "restored"])
    save_image(restored, target)


def _plan(inputs: Sequence[Path], output: Path) -> list[tuple[Path, Path]]:
    single_file = len(inputs) == 1 and not inputs[0].is_dir()
    if single_file and output.suffix and not output.is_dir():
        jobs = [(_existing(inputs[0]), output)]
    else:
        jobs = [job for given in inputs for job in _jobs(given, output)]
    sources: dict[Path, Path] = {}
    for source, target in jobs:
        if target in sources:
            raise ImageError(f"{sources[target]} and {source} would both be written to {target}; run them apart")
        if target.exists() and target.samefile(source):
            raise ImageError(f"{source} would be replaced by its own result; choose another output folder")
        sources[target] = source
    return jobs


def _jobs(given: Path, output: Path) -> Iterator[tuple[Path, Path]]:
    if not given.is_dir():
        yield _existing(given), output / given.name
        return
    found = False
    for source in find_images(given):
        # A run into a folder inside the input must not restore its own results.
        if output in source.parents and output != given:
            continue
        found = True
        yield source, output / source.relative_to(given)
    if not found:
        raise ImageError(f"{given} holds no images; give a folder with PNG, JPEG or other image files")


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ImageError(f"{path}: no such file; give an image file or a folder of images")
    return path
