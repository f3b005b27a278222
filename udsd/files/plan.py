"""What is to be done: pairs of input and result, found while the first are already being restored."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from udsd.errors import ImageError
from udsd.files.lists import PathList
from udsd.files.naming import Naming, check_file_output, check_folder_output, names_a_file
from udsd.files.searches import Search, is_pattern
from udsd.files.shards import Shard
from udsd.images.mark import is_marked
from udsd.paths import exists, identity, ignores_case, is_folder, is_same_file, real_path


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


def plan_jobs(
    inputs: Sequence[Path] | PathList,
    output: Path,
    naming: Naming,
    *,
    into_folder: bool = False,
    shard: Shard | None = None,
    other_results: Path | None = None,
) -> Iterator[Job]:
    """Find what is to be done, one job after another, without listing whole folders first.

    Args:
        inputs: Image files, folders, and patterns such as ``scans/**/*.tif``. What a folder holds keeps its place below
            it, and what a pattern matches its place below the pattern's fixed part. Results of earlier runs among them
            are left out (`udsd.files.searches`). A file that is named is restored even if it is a result, unless it is
            that of another file that is named. Or a list of files, all of which are named and keep their places.
        output: A folder; or, for a single file, the name of the result, which then ends as images do.
        naming: How results are named.
        into_folder: Take ``output`` for a folder, however it is called.
        shard: Only the files of this share. There may be none.
        other_results: Another folder that results go to.

    Raises:
        ImageError: No input can be restored, for it is missing, holds no images or would be replaced by its results; or
            two files that are named would be written to one result; or the output is a file's name and there are
            several inputs, or is a file and no folder (all raised at once). Where others can be restored,
            and of files found later, the same is said in their job.
    """
    single = names_a_file(output) and not into_folder
    folder = output.parent if single else output
    if isinstance(inputs, PathList):
        if single:
            raise ImageError(
                f"{output} names a file, for a single input; name a folder, be it {output}/ with its slash"
            )
        check_folder_output(folder)
        return _listed_jobs(inputs, output, naming, shard)
    if len(inputs) == 1 and not exists(inputs[0]):
        reason = _why_not(inputs[0], output, naming)
        if reason:
            raise ImageError(reason)
    if single:
        check_file_output(inputs, output, naming)
    check_folder_output(folder)
    named: list[Job] = []
    searches: list[Search] = []
    refused: list[Job] = []
    for given in inputs:
        target = output if single else naming.apply(output / given.name) if given.name else output
        reason = _why_not(given, output, naming)
        if reason:
            refused.append(Job(given, target, reason))
        elif is_folder(given) or not exists(given):
            searches.append(Search(given, output, other_results))
        else:
            named.append(Job(given, target))
    named = _without_results([*dict.fromkeys(named)])
    _check_targets(named)
    guard = _Guard([job.source for job in named], searches, folder)
    named = [guard.checked(job) for job in named if _is_in(shard, job, folder)]
    found: list[Iterator[Job]] = []
    for search in searches:
        try:
            found.append(_at_least_one(search, output, naming))
        except ImageError as error:
            refused.append(Job(search.given, output / search.given.name, str(error)))
    refusals = [job.refusal for job in (*refused, *named) if job.refusal]
    if refusals and not found and all(job.refusal for job in named):
        raise ImageError(refusals[0])
    refused = [job for job in refused if _is_in(shard, job, folder)]
    return chain(refused, named, guard.all_checked(job for job in chain(*found) if _is_in(shard, job, folder)))


def _listed_jobs(listed: PathList, output: Path, naming: Naming, shard: Shard | None) -> Iterator[Job]:
    guard = _Guard([], [listed], output, listed.claimed)
    for path, place, refusal in listed:
        job = Job(path, naming.apply(output / place), refusal)
        if _is_in(shard, job, output):
            yield job if refusal else guard.checked(job)


def _is_in(shard: Shard | None, job: Job, output: Path) -> bool:
    return shard is None or shard.holds(job.target.relative_to(output))


def _why_not(given: Path, output: Path, naming: Naming) -> str:
    """Why an input cannot be restored, as far as can be told without opening it; else empty."""
    if is_folder(given):
        if naming.keeps_names and is_same_file(given, output):
            return f"{given} would be replaced by its own results; choose another output folder"
        return ""
    try:
        given.stat()
    except FileNotFoundError:
        if is_pattern(given):
            return ""
        what = "a link that leads nowhere" if given.is_symlink() else "no such file"
        return f"{given}: {what}; give an image file or a folder of images"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return f"{given}: cannot be read ({reason}); check its name and permissions"
    return ""


def _at_least_one(search: Search, output: Path, naming: Naming) -> Iterator[Job]:
    jobs = (Job(source, naming.apply(output / source.relative_to(search.base))) for source in search)
    first = next(jobs, None)
    if first is None and search.has_passed_over:
        raise ImageError(f"{search.given} holds nothing but results; name one to restore it once more")
    if first is None:
        raise ImageError(f"{search.given} holds no images; give a folder with PNG, JPEG or other image files")
    return chain([first], jobs)


def _without_results(jobs: Sequence[Job]) -> list[Job]:
    """Leave out files that earlier runs have made of others that are named too, as a shell does of ``*.png``."""
    results = {identity(job.target) for job in jobs if not is_same_file(job.target, job.source)}
    return [job for job in jobs if not (identity(job.source) in results and is_marked(job.source))]


def _check_targets(jobs: Sequence[Job]) -> None:
    sources: dict[Path, Path] = {}
    for job in jobs:
        first = sources.setdefault(job.target, job.source)
        if not is_same_file(first, job.source):
            raise ImageError(f"{first} and {job.source} would both be written to {job.target}; run them apart")


class _Guard:
    """Refuses jobs that would write over an input or another result, or outside of the output folder.

    Args:
        named: Inputs that are named.
        searches: Where the others come from, which is asked of files that exist.
        output: The output folder.
        sources: Of each result that other plans hold the file it is made of; those of this plan are added.
    """

    def __init__(
        self,
        named: Sequence[Path],
        searches: Sequence[Search | PathList],
        output: Path,
        sources: dict[Path, Path] | None = None,
    ) -> None:
        self._named = {identity(path) for path in named}
        self._searches = searches
        self._output = output
        self._area = real_path(output)
        self._sources: dict[Path, Path] = {} if sources is None else sources
        self._by_folded_name: dict[str, Path] = {}

    def all_checked(self, jobs: Iterator[Job]) -> Iterator[Job]:
        """The jobs, each once, and each refused that may not be done."""
        for job in jobs:
            if not (job.target in self._sources and is_same_file(job.source, self._sources[job.target])):
                yield self.checked(job)

    def checked(self, job: Job) -> Job:
        """The job, refused if it may not be done."""
        reason = self._refusal(job)
        return Job(job.source, job.target, f"{job.source}: {reason}" if reason else "")

    def _refusal(self, job: Job) -> str:
        if is_same_file(job.target, job.source):
            return "it would be replaced by its own result; choose another output folder"
        other = self._other_source(job)
        if other is not None:
            return f"{job.target} is the result of {other} already"
        if self._is_input(job.target):
            return f"{job.target} is no result but an image to restore itself; choose another folder, suffix or format"
        folder = job.target.parent
        # Links inside the output folder could lead anywhere.
        if folder != self._output and not real_path(folder).is_relative_to(self._area):
            return f"{folder} leads out of {self._output}; remove the link"
        return ""

    def _other_source(self, job: Job) -> Path | None:
        """Another file that is written to the same target; its case may differ where the file system knows none."""
        folded = unicodedata.normalize("NFC", str(job.target)).casefold()
        first = self._by_folded_name.setdefault(folded, job.target)
        if first != job.target and not ignores_case(self._output):
            first = job.target
        source = self._sources.setdefault(first, job.source)
        return None if source == job.source else source

    def _is_input(self, target: Path) -> bool:
        found = identity(target)
        return found is not None and (found in self._named or any(search.reads(target) for search in self._searches))
