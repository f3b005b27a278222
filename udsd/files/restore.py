"""Restore files: reading, the network and writing run beside each other."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TypeAlias, TypeVar

from torch import Tensor
from tqdm import tqdm

from udsd.deblurrer import Deblurrer
from udsd.errors import ConfigError, ImageError, MemoryLimitError
from udsd.files.plan import Job, Naming, plan_jobs
from udsd.files.report import FileReport, FileResult
from udsd.images import (
    DecodedImage,
    ImagePages,
    Page,
    check_quality,
    decode_image,
    remove_unfinished,
    save_image,
    save_pages,
    side_by_side,
)
from udsd.inference import in_batches

_AHEAD = 2
"""Files that are read before their turn, and results that wait to be written."""

_SMALL = 16_000_000
"""Pixels up to which a file is read before its turn. A larger one has the memory for itself."""

_Value = TypeVar("_Value")


@dataclass(slots=True)
class _Work:
    """A file on its way.

    Attributes:
        job: What is to be done.
        seconds: Time spent so far.
        image: Its only page, where that was read before its turn.
        result: What became of it, once that is known.
    """

    job: Job
    seconds: float = 0.0
    image: DecodedImage[Page] | None = None
    result: FileResult | None = None

    @property
    def size(self) -> tuple[int, ...] | None:
        """Shape of the pixels of its image, if that is read."""
        return None if self.image is None else tuple(self.image.pixels.shape)

    def take_image(self) -> DecodedImage[Page] | None:
        """Its image, which it holds no longer."""
        image, self.image = self.image, None
        return image

    def attempt(self, action: Callable[[], _Value]) -> _Value | None:
        """Do something for the file; what goes wrong with it is its own result, and no concern of the others."""
        start, reason, value = time.perf_counter(), None, None
        try:
            value = action()
        except (ImageError, MemoryLimitError) as error:
            reason = str(error)
        self.seconds += time.perf_counter() - start
        if reason is not None:
            self.fail(reason)
        return value

    def fail(self, reason: str) -> None:
        self.result = FileResult(self.job.source, self.job.target, "failed", round(self.seconds, 3), reason)

    def done(self) -> FileResult:
        if self.result is None:
            self.result = FileResult(self.job.source, self.job.target, "restored", round(self.seconds, 3))
        return self.result


_Group: TypeAlias = tuple[list[_Work], list[DecodedImage[Page]]]
"""Files and their images of one size; no images for a file that is restored by itself."""


@dataclass(slots=True)
class _Writing:
    """How results are written."""

    overwrite: bool
    compare: bool
    quality: int | None
    tidied: set[Path] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tidy(self, folder: Path) -> None:
        """Once in each folder, remove what killed runs have left."""
        with self.lock:
            if folder in self.tidied:
                return
            self.tidied.add(folder)
        remove_unfinished(folder)


def restore_files(
    deblurrer: Deblurrer,
    inputs: Sequence[Path],
    output: Path,
    *,
    overwrite: bool = False,
    compare: bool = False,
    suffix: str = "",
    file_format: str | None = None,
    quality: int | None = None,
    batch_size: int | None = None,
    progress: bool = False,
    on_result: Callable[[FileResult], None] | None = None,
) -> FileReport:
    """Restore image files, and all images in folders.

    Results keep their names, and their places below the folder that was given. Each is written aside and then
    renamed, so that a run that is killed leaves no half file; the next run keeps what is whole.

    Work begins with the first file that is found. While the network runs, the next files are read and the last results
    written. All pages of a TIFF and all frames of an animation are restored.

    Args:
        deblurrer: The model.
        inputs: Image files, folders, and patterns such as ``scans/**/*.tif``.
        output: A folder, made when missing; or, for a single file, the name of the result.
        overwrite: Restore again what is in ``output`` already.
        compare: Write a picture of input and result beside each other instead of the result alone.
        suffix: Put behind the names of results, before their ending: ``"_sharp"``.
        file_format: Ending of the results, such as ``"png"``, instead of that of each input.
        quality: Of JPEG, WebP and the like, 1 to 100, instead of that of the source.
        batch_size: Images of one size that run together; by default 8 on a GPU, and 1 on a CPU, where more bring
            nothing.
        progress: Show a progress bar on standard error.
        on_result: Called with each result as soon as it is known.

    Raises:
        ConfigError: The batch size is less than 1, or the quality not from 1 to 100.
        ImageError: An input is missing, a folder holds no images, two files that are named would give one result, or a
            format or suffix is none. Nothing has been written then.
    """
    if batch_size is None:
        batch_size = 8 if deblurrer.device.type == "cuda" else 1
    if batch_size < 1:
        raise ConfigError(f"batch_size is {batch_size}; give at least 1")
    check_quality(quality)
    naming = Naming(suffix, file_format)
    jobs = plan_jobs(inputs, output, naming)
    writing = _Writing(overwrite, compare, quality)
    report = FileReport()
    with tqdm(unit="image", disable=not progress) as bar:
        if progress:
            threading.Thread(target=_count, args=(inputs, output, naming, bar), daemon=True).start()
        for result in _run(deblurrer, jobs, writing, batch_size):
            report.results.append(result)
            bar.update()
            if on_result is not None:
                on_result(result)
    return report


def compare_file(deblurrer: Deblurrer, source: Path, target: Path) -> None:
    """Write a picture of a blurred image and its restoration beside each other.

    Raises:
        ImageError: The image cannot be read or the picture cannot be written.
    """
    decoded = decode_image(source)
    before = decoded.encode(decoded.pixels.clone())
    save_image(side_by_side([before, deblurrer.deblur(source)], ["blurred", "restored"]), target)


def _count(inputs: Sequence[Path], output: Path, naming: Naming, bar: tqdm[NoReturn]) -> None:
    """Find out how many files there are, while the first are restored: then the bar can tell the time left."""
    with suppress(ImageError):  # what has changed since is said where it is restored
        bar.total = sum(1 for _ in plan_jobs(inputs, output, naming))


def _run(deblurrer: Deblurrer, jobs: Iterable[Job], writing: _Writing, batch_size: int) -> Iterator[FileResult]:
    readers = ThreadPoolExecutor(_AHEAD, thread_name_prefix="udsd-read")
    writer = ThreadPoolExecutor(1, thread_name_prefix="udsd-write")
    written: deque[Future[FileResult]] = deque()
    try:
        for works, images in _in_groups(_read_ahead(jobs, writing, readers), batch_size):
            if images:
                restored = _restore_together(deblurrer, works, images)
                for work, image, pixels in zip(works, images, restored, strict=True):
                    written.append(writer.submit(_write, work, image, pixels, writing))
            else:
                # What is large has the memory to itself.
                yield from (future.result() for future in written)
                written.clear()
                yield from (_restore_alone(deblurrer, work, writing) for work in works)
            while written and (written[0].done() or len(written) > _AHEAD * batch_size):
                yield written.popleft().result()
        yield from (future.result() for future in written)
    finally:
        # What is being written is finished, what has not begun is dropped.
        readers.shutdown(cancel_futures=True)
        writer.shutdown(cancel_futures=True)


def _read_ahead(jobs: Iterable[Job], writing: _Writing, readers: ThreadPoolExecutor) -> Iterator[_Work]:
    reading: deque[Future[_Work]] = deque()
    for job in jobs:
        reading.append(readers.submit(_read, job, writing))
        if len(reading) > _AHEAD:
            yield reading.popleft().result()
    yield from (future.result() for future in reading)


def _read(job: Job, writing: _Writing) -> _Work:
    work = _Work(job)
    if job.refusal:
        work.fail(job.refusal)
    elif job.target.exists() and not writing.overwrite:
        work.result = FileResult(job.source, job.target, "kept")
    else:
        work.image = work.attempt(lambda: _small_image(job.source, writing))
    return work


def _small_image(source: Path, writing: _Writing) -> DecodedImage[Page] | None:
    pages = ImagePages(source)
    if pages.count > 1 or pages.pixels > _SMALL or writing.compare:
        return None
    return next(iter(pages))


def _in_groups(works: Iterable[_Work], batch_size: int) -> Iterator[_Group]:
    """Images of one size together; all other files by themselves."""
    # A number of its own keeps a file from every other.
    for group in in_batches(works, lambda work: work.size or id(work), batch_size):
        yield group, [image for image in (work.take_image() for work in group) if image is not None]


def _restore_together(
    deblurrer: Deblurrer, works: list[_Work], images: list[DecodedImage[Page]]
) -> Sequence[Tensor | None]:
    start = time.perf_counter()
    try:
        restored: Sequence[Tensor | None] = deblurrer.restore_decoded(images)
    except (ImageError, MemoryLimitError) as error:
        for work in works:
            work.fail(f"{work.job.source}: {error}")
        return [None] * len(works)
    share = (time.perf_counter() - start) / len(works)
    for work in works:
        work.seconds += share
    return restored


def _write(work: _Work, image: DecodedImage[Page], pixels: Tensor | None, writing: _Writing) -> FileResult:
    if pixels is not None:
        writing.tidy(work.job.target.parent)
        work.attempt(lambda: save_image(image.encode(pixels), work.job.target, quality=writing.quality))
    return work.done()


def _restore_alone(deblurrer: Deblurrer, work: _Work, writing: _Writing) -> FileResult:
    if work.result is not None:
        return work.result
    job = work.job
    writing.tidy(job.target.parent)
    if writing.compare:
        work.attempt(lambda: compare_file(deblurrer, job.source, job.target))
    else:
        work.attempt(lambda: save_pages(_restored_pages(deblurrer, job.source), job.target, quality=writing.quality))
    return work.done()


def _restored_pages(deblurrer: Deblurrer, source: Path) -> Iterator[Page]:
    for page in ImagePages(source):
        try:
            (pixels,) = deblurrer.restore_decoded([page])
            yield page.encode(pixels)
        except (ImageError, MemoryLimitError) as error:
            raise type(error)(f"{source}: {error}") from error
