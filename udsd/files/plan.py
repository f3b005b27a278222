"""What is to be done: pairs of input and result, found while the first are already being restored."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from udsd.errors import ImageError
from udsd.files.kinds import known_suffixes, sink_for
from udsd.images.folders import find_files


@dataclass(frozen=True, slots=True)
class Job:
    """One file to restore.

    Attributes:
        source: The input.
        target: The output.
        refusal: Why it cannot be done, else empty.
    """

    source: Path
    target: Path
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Naming:
    """How results are named.

    Attributes:
        suffix: Added to the names, before their ending.
        file_format: Ending instead of that of the input, with or without its dot.
    """

    suffix: str = ""
    file_format: str | None = None

    def __post_init__(self) -> None:
        if self.suffix != Path(f"x{self.suffix}").name[1:]:
            raise ImageError(f"the suffix {self.suffix!r} is no part of a file name; give one such as '_sharp'")
        if self.file_format is not None:
            sink_for(Path(f"result.{self.file_format.removeprefix('.')}"))

    @property
    def keeps_names(self) -> bool:
        """Whether results have the names of their inputs."""
        return not self.suffix and self.file_format is None

    def apply(self, target: Path) -> Path:
        """The name of a result."""
        ending = target.suffix if self.file_format is None else f".{self.file_format.removeprefix('.')}"
        return target.with_name(target.stem + self.suffix + ending)


def plan_jobs(inputs: Sequence[Path], output: Path, naming: Naming) -> Iterator[Job]:
    """Find what is to be done, one job after another, without listing whole folders first.

    Args:
        inputs: Image files, folders, and patterns such as ``scans/**/*.tif``. What a folder holds keeps its place below
            it, and what a pattern matches its place below the pattern's fixed part.
        output: A folder; or, for a single file, the name of the result.
        naming: How results are named.

    Raises:
        ImageError: An input is missing, a folder or pattern gives no images, or files that are named would be written
            to one result, or over themselves (raised at once). Of files found later the same is said in their job.
    """
    if len(inputs) == 1 and inputs[0].is_file() and output.suffix and not output.is_dir():
        return _checked([_refuse_itself(Job(inputs[0], output), raises=True)], output.parent)
    named: list[Job] = []
    found: list[Iterator[Job]] = []
    for given in inputs:
        if given.is_dir():
            if naming.keeps_names and _same(given, output):
                raise ImageError(f"{given} would be replaced by its own results; choose another output folder")
            found.append(_at_least_one(_in_folder(given, output, naming), given))
        elif given.exists():
            named.append(_refuse_itself(Job(given, naming.apply(output / given.name)), raises=True))
        elif glob.has_magic(str(given)):
            found.append(_at_least_one(_matching(given, output, naming), given))
        else:
            raise ImageError(f"{given}: no such file; give an image file or a folder of images")
    _check_targets(named)
    return _checked(chain(named, *found), output)


def _in_folder(folder: Path, output: Path, naming: Naming) -> Iterator[Job]:
    for source in find_files(folder, known_suffixes()):
        # A run into a folder inside the input must not restore its own results.
        if output not in source.parents or output == folder:
            yield Job(source, naming.apply(output / source.relative_to(folder)))


def _matching(pattern: Path, output: Path, naming: Naming) -> Iterator[Job]:
    parts = pattern.parts
    fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:fixed])
    for source in base.glob(str(Path(*parts[fixed:]))):
        if source.is_file() and (output not in source.parents or output == base):
            yield Job(source, naming.apply(output / source.relative_to(base)))


def _at_least_one(jobs: Iterator[Job], given: Path) -> Iterator[Job]:
    first = next(jobs, None)
    if first is None:
        raise ImageError(f"{given} holds no images; give a folder with PNG, JPEG or other image files")
    return chain([first], jobs)


def _check_targets(jobs: Sequence[Job]) -> None:
    sources: dict[Path, Path] = {}
    for job in jobs:
        if job.target in sources:
            raise ImageError(
                f"{sources[job.target]} and {job.source} would both be written to {job.target}; run them apart"
            )
        sources[job.target] = job.source


def _checked(jobs: Iterator[Job] | Sequence[Job], output: Path) -> Iterator[Job]:
    """Refuse what would be written over something else, or outside of the output folder."""
    sources: dict[Path, Path] = {}
    for job in jobs:
        if job.target in sources:
            other = sources[job.target]
            yield Job(job.source, job.target, f"{job.source}: {job.target} is the result of {other} already")
            continue
        sources[job.target] = job.source
        yield _refuse_outside(_refuse_itself(job), output)


def _refuse_itself(job: Job, *, raises: bool = False) -> Job:
    if not (job.target.exists() and job.target.samefile(job.source)):
        return job
    refusal = f"{job.source} would be replaced by its own result; choose another output folder"
    if raises:
        raise ImageError(refusal)
    return Job(job.source, job.target, refusal)


def _refuse_outside(job: Job, output: Path) -> Job:
    """Links inside the output folder could lead anywhere."""
    if job.refusal or job.target.parent == output or job.target.parent.resolve().is_relative_to(output.resolve()):
        return job
    return Job(job.source, job.target, f"{job.source}: {job.target.parent} leads out of {output}; remove the link")


def _same(first: Path, second: Path) -> bool:
    return second.exists() and first.samefile(second)
