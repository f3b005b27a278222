"""Restore files and folders: one bad file never stops the rest, and a second run goes on where one stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from udsd.deblurrer import Deblurrer
from udsd.errors import ImageError, MemoryLimitError
from udsd.images import decode_image, find_images, save_image, side_by_side
from udsd.images.formats import format_for


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file.

    Attributes:
        source: The input.
        target: The output.
        status: ``"restored"``, ``"kept"`` (it was there already, and was left alone) or ``"failed"``.
        seconds: Time it took, reading and writing included.
        reason: Why it failed, else empty.
    """

    source: Path
    target: Path
    status: Literal["restored", "kept", "failed"]
    seconds: float
    reason: str = ""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), default=str)


@dataclass(slots=True)
class FileReport:
    """What became of each file.

    Attributes:
        results: One of each input, in the order in which they were done.
    """

    results: list[FileResult] = field(default_factory=list)

    @property
    def restored(self) -> list[Path]:
        """Files written in this run."""
        return [result.target for result in self.results if result.status == "restored"]

    @property
    def kept(self) -> list[Path]:
        """Files that were there already, and were left alone."""
        return [result.target for result in self.results if result.status == "kept"]

    @property
    def failed(self) -> dict[Path, str]:
        """Inputs that could not be restored, each with the reason."""
        return {result.source: result.reason for result in self.results if result.status == "failed"}

    def to_json(self) -> str:
        """All results as a JSON document: counts, and one entry of each file."""
        counts = {"restored": len(self.restored), "kept": len(self.kept), "failed": len(self.failed)}
        files = [asdict(result) for result in self.results]
        return json.dumps({**counts, "files": files}, default=str, indent=2) + "\n"


def restore_files(
    deblurrer: Deblurrer,
    inputs: Sequence[Path],
    output: Path,
    *,
    overwrite: bool = False,
    compare: bool = False,
    suffix: str = "",
    file_format: str | None = None,
    progress: bool = False,
    on_result: Callable[[FileResult], None] | None = None,
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
        suffix: Put behind the names of results, before their ending: ``"_sharp"``.
        file_format: Ending of the results, such as ``"png"``, instead of that of each input.
        progress: Show a progress bar on standard error.
        on_result: Called with each result as soon as it is known.

    Raises:
        ImageError: An input is missing, a folder holds no images, two inputs would give one file, or a format or
            suffix is none. Nothing has been written then.
    """
    naming = _Naming(suffix, file_format)
    jobs = _plan(inputs, output, naming)
    report = FileReport()
    for source, target in tqdm(jobs, unit="image", disable=not progress):
        start = time.perf_counter()
        status: Literal["restored", "kept", "failed"] = "restored"
        reason = ""
        if target.exists() and not overwrite:
            status = "kept"
        else:
            try:
                _restore_file(deblurrer, source, target, compare=compare)
            except (ImageError, MemoryLimitError) as error:
                status, reason = "failed", str(error)
        result = FileResult(source, target, status, round(time.perf_counter() - start, 3), reason)
        report.results.append(result)
        if on_result is not None:
            on_result(result)
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


@dataclass(frozen=True, slots=True)
class _Naming:
    """How results are called."""

    suffix: str
    file_format: str | None

    def __post_init__(self) -> None:
        if self.suffix != Path(f"x{self.suffix}").name[1:]:
            raise ImageError(f"the suffix {self.suffix!r} is no part of a file name; give one such as '_sharp'")
        if self.file_format is not None:
            format_for(Path(f"result.{self.file_format.removeprefix('.')}"))

    def apply(self, target: Path) -> Path:
        ending = target.suffix if self.file_format is None else f".{self.file_format.removeprefix('.')}"
        return target.with_name(target.stem + self.suffix + ending)


def _plan(inputs: Sequence[Path], output: Path, naming: _Naming) -> list[tuple[Path, Path]]:
    single_file = len(inputs) == 1 and not inputs[0].is_dir()
    if single_file and output.suffix and not output.is_dir():
        jobs = [(_existing(inputs[0]), output)]
    else:
        jobs = [(source, naming.apply(target)) for given in inputs for source, target in _jobs(given, output)]
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
