"""Reading, the network and writing at the same time, whatever the files are."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import torch

from udsd.atomic import remove_unfinished
from udsd.domains import DeblurOptions, FaceBoxes, Outcome, Restoration
from udsd.errors import ImageError, MemoryLimitError
from udsd.files.kinds import open_source, sink_for
from udsd.files.plan import Job
from udsd.files.report import FileResult, PageReport, Status
from udsd.files.sources import Comparison, Source
from udsd.images import DecodedImage, Page
from udsd.inference.backend import OnProgress, as_part
from udsd.inference.batching import in_batches
from udsd.out_of_memory import memory_errors
from udsd.paths import is_file

_AHEAD = 2
"""Files that are read before their turn, and batches of results that wait to be written."""

_SMALL = 16_000_000
"""Pixels up to which a file is read before its turn. A larger one has the memory for itself."""

_Value = TypeVar("_Value")


class Restorer(Protocol):
    """What restores images. `udsd.Deblurrer` does."""

    @property
    def device(self) -> torch.device:
        """Where it runs, by which images of one size run together or not."""
        ...

    def restore_decoded(
        self,
        images: Sequence[DecodedImage[Any]],
        options: DeblurOptions | None = None,
        on_progress: OnProgress | None = None,
    ) -> Sequence[Restoration]:
        """Restore images of one size.

        Args:
            images: At least one. Their pixels may be overwritten.
            options: How they are brought to the model.
            on_progress: Called now and then with the share of the work that is done.

        Returns:
            Of each image its restoration, whose ``pixels`` its `DecodedImage.encode` takes.

        Raises:
            ImageError: The images cannot be restored.
            MemoryLimitError: They need more memory than they may take.
        """
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """How files are restored.

    Attributes:
        overwrite: Restore again what is there already.
        compare: Write pictures of the first page before and after.
        quality: Of formats that lose something, or None for that of the source.
        batch_size: Images of one size that run together at most.
        options: How images are brought to the model.
        boxes: Where faces lie, instead of what the options say.
    """

    overwrite: bool
    compare: bool
    quality: int | None
    batch_size: int
    options: DeblurOptions = field(default_factory=DeblurOptions)
    boxes: FaceBoxes = field(default_factory=FaceBoxes)

    def options_for(self, path: Path) -> DeblurOptions:
        """The options for one file."""
        boxes = self.boxes.of(path)
        return self.options if boxes is None else replace(self.options, faces=boxes)


@dataclass(slots=True)
class _Work:
    """A file on its way.

    Attributes:
        job: What is to be done.
        seconds: Time spent so far.
        source: The file, once it is opened; closed again if its image has been read.
        image: Its only page, if that was read before its turn.
        result: What became of it, once that is known.
        pages: How its pages were brought to the model, where there is something to tell.
        model: Name and version of the model that restored it.
    """

    job: Job
    seconds: float = 0.0
    source: Source | None = None
    image: DecodedImage[Page] | None = None
    result: FileResult | None = None
    pages: list[PageReport] = field(default_factory=list)
    model: str = ""

    @property
    def size(self) -> tuple[int, ...] | None:
        """Shape of the pixels of its image, if that is read."""
        return None if self.image is None else tuple(self.image.pixels.shape)

    def take_image(self) -> DecodedImage[Page] | None:
        """Its image, which it holds no longer."""
        image, self.image = self.image, None
        return image

    def attempt(self, action: Callable[[], _Value]) -> _Value | None:
        """Do something for the file; what goes wrong with it is its own result, and does not stop the others."""
        start, reason, value = time.perf_counter(), None, None
        try:
            with memory_errors(str(self.job.source)):
                value = action()
        except NotRestoredError as error:
            self.finish(error.outcome, str(error))
        except (ImageError, MemoryLimitError) as error:
            reason = str(error)
        # Names too long, folders that may not be searched, texts that are no path at all.
        except (OSError, ValueError) as error:
            reason = (
                f"{self.job.source}: {getattr(error, 'strerror', None) or error}; check the paths of it and its result"
            )
        self.seconds += time.perf_counter() - start
        if reason is not None:
            self.fail(reason)
        return value

    def tell(self, restoration: Restoration, number: int = 1) -> None:
        """Keep what there is to tell of a page."""
        self.model = restoration.model or self.model
        if restoration.regions or restoration.notes:
            self.pages.append(PageReport(number, restoration.regions, restoration.notes))

    def fail(self, reason: str) -> None:
        self.finish("failed", reason)

    def finish(self, status: Status, reason: str = "") -> FileResult:
        job, seconds, pages = self.job, round(self.seconds, 3), tuple(self.pages)
        self.result = FileResult(job.source, job.target, status, seconds, reason, pages, self.model)
        return self.result

    def done(self) -> FileResult:
        return self.result or self.finish("restored")


class NotRestoredError(ImageError):
    """A file is not written, because its only page was not restored.

    Args:
        message: Why.
        outcome: What became of the page.
    """

    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message)
        self.outcome = outcome


_Group: TypeAlias = tuple[list[_Work], list[DecodedImage[Page]]]
"""Files and their images of one size; no images for a file that is restored by itself."""


class Pipeline:
    """Restores files, each read before its turn and written behind it.

    Args:
        restorer: What restores images; called from the thread that iterates.
        settings: How files are restored.
    """

    def __init__(self, restorer: Restorer, settings: Settings) -> None:
        self._restorer = restorer
        self._settings = settings
        self._tidied: set[Path] = set()
        self._tidying = threading.Lock()
        self._written: deque[Future[FileResult]] = deque()

    def run(
        self, jobs: Iterable[Job], on_progress: Callable[[float], None] = lambda files: None
    ) -> Iterator[FileResult]:
        """Do jobs and yield what became of each; if this is left early, what is being written is finished.

        Args:
            jobs: What is to be done.
            on_progress: Called now and then with the number of files, parts of one included, that are restored and
                have not been yielded.
        """
        readers = ThreadPoolExecutor(_AHEAD, thread_name_prefix="udsd-read")
        writer = ThreadPoolExecutor(1, thread_name_prefix="udsd-write")
        written = self._written
        try:
            _start_threads(readers, _AHEAD)
            _start_threads(writer, 1)
            for works, images in self._groups(self._read_ahead(jobs, readers)):
                if images:
                    restored = self._restore_together(works, images, _ahead(on_progress, len(written), len(works)))
                    for work, image, restoration in zip(works, images, restored, strict=True):
                        written.append(writer.submit(self._write, work, image, restoration))
                else:
                    # What is large has the memory to itself.
                    yield from self._all_written()
                    yield from (self._restore_alone(work, on_progress) for work in works)
                while written and (written[0].done() or len(written) > _AHEAD * self._settings.batch_size):
                    yield written.popleft().result()
            yield from self._all_written()
        finally:
            # What has not begun is dropped.
            readers.shutdown(cancel_futures=True)
            writer.shutdown(cancel_futures=True)

    def finished(self) -> Iterator[FileResult]:
        """What became of the files that were finished after `run` was left early."""
        while self._written:
            future = self._written.popleft()
            if not future.cancelled():
                yield future.result()

    def _all_written(self) -> Iterator[FileResult]:
        while self._written:
            result = self._written[0].result()
            self._written.popleft()
            yield result

    def _read_ahead(self, jobs: Iterable[Job], readers: ThreadPoolExecutor) -> Iterator[_Work]:
        reading: deque[Future[_Work]] = deque()
        for job in jobs:
            reading.append(readers.submit(self._read, job))
            if len(reading) > _AHEAD:
                yield reading.popleft().result()
        yield from (future.result() for future in reading)

    def _read(self, job: Job) -> _Work:
        work = _Work(job)
        if job.refusal:
            work.fail(job.refusal)
        elif not self._settings.overwrite and is_file(job.target):
            work.result = FileResult(job.source, job.target, "kept")
        else:
            work.attempt(lambda: self._open_ahead(work))
        return work

    def _open_ahead(self, work: _Work) -> None:
        try:
            with memory_errors(str(work.job.source)):
                self._open(work)
        except MemoryLimitError:
            # In its turn it is opened once more, when it has the memory to itself.
            work.source = work.image = None

    def _open(self, work: _Work) -> None:
        work.source = source = self._source(work)
        if source.count == 1 and source.pixel_count <= _SMALL:
            with closing(source):
                work.image = next(iter(source))

    def _source(self, work: _Work) -> Source:
        source = open_source(work.job.source)
        return Comparison(source) if self._settings.compare else source

    def _groups(self, works: Iterable[_Work]) -> Iterator[_Group]:
        """Images of one size together; all other files by themselves."""
        for group in in_batches(works, self._batch_key, self._settings.batch_size):
            yield group, [image for image in (work.take_image() for work in group) if image is not None]

    def _batch_key(self, work: _Work) -> Hashable:
        # Files that were not read ahead get a unique key, so they are never batched.
        return (work.size, self._settings.options_for(work.job.source)) if work.size else id(work)

    def _restore_together(
        self, works: list[_Work], images: list[DecodedImage[Page]], on_progress: OnProgress
    ) -> Sequence[Restoration] | Sequence[None]:
        start = time.perf_counter()
        try:
            with memory_errors("the image"):
                restored = self._restorer.restore_decoded(
                    images, self._settings.options_for(works[0].job.source), on_progress
                )
        except (ImageError, MemoryLimitError) as error:
            for work in works:
                work.fail(f"{work.job.source}: {error}")
            return [None] * len(works)
        share = (time.perf_counter() - start) / len(works)
        for work in works:
            work.seconds += share
        return restored

    def _write(self, work: _Work, image: DecodedImage[Page], restoration: Restoration | None) -> FileResult:
        source = work.source
        if source is not None and restoration is not None:
            work.tell(restoration)
            done = restoration
            work.attempt(lambda: self._save(iter([_encoded(image, done, source)]), work.job.target, source))
        return work.done()

    def _restore_alone(self, work: _Work, on_progress: OnProgress) -> FileResult:
        if work.result is None:
            work.attempt(lambda: self._restore_pages(work, on_progress))
        return work.done()

    def _restore_pages(self, work: _Work, on_progress: OnProgress) -> None:
        with closing(work.source or self._source(work)) as source:
            pages = restored_pages(
                self._restorer, source, self._settings.options_for(source.path), work.tell, on_progress
            )
            self._save(pages, work.job.target, source)

    def _save(self, pages: Iterator[Page], target: Path, source: Source) -> None:
        self._tidy(target.parent)
        sink_for(target).write(pages, target, source, self._settings.quality)

    def _tidy(self, folder: Path) -> None:
        """Once in each folder, remove what killed runs have left."""
        with self._tidying:
            if folder in self._tidied:
                return
            self._tidied.add(folder)
        remove_unfinished(folder)


def _ahead(on_progress: OnProgress, before: int, count: int) -> OnProgress:
    """For the share that is done of ``count`` files behind ``before`` others."""
    return lambda share: on_progress(before + share * count)


def _start_threads(pool: ThreadPoolExecutor, count: int) -> None:
    """Have all threads of a pool begin now: once memory is short a new one cannot.

    Raises:
        RuntimeError: One cannot be started even now.
    """
    together = threading.Barrier(count)
    try:
        for _ in range(count):
            pool.submit(together.wait)
    except BaseException:
        together.abort()  # else those that did begin would wait for ever, and whoever ends the pool for them
        raise


def restored_pages(
    restorer: Restorer,
    source: Source,
    options: DeblurOptions,
    tell: Callable[[Restoration, int], None] = lambda restoration, number: None,
    on_progress: OnProgress = lambda share: None,
) -> Iterator[Page]:
    """Restore the pages of a source one by one, each when it is asked for.

    Args:
        restorer: What restores them.
        source: Where they come from.
        options: How they are brought to the model.
        tell: Called with the restoration of each page and its number, from 1.
        on_progress: Called now and then with the share of the pages that is done.

    Raises:
        ImageError: A page cannot be read or restored; as below, the message names the file.
        NotRestoredError: The only page was not restored, so that there is nothing to write.
        MemoryLimitError: It needs more memory than it may take.
    """
    for number, image in enumerate(source, start=1):
        with _named(source):
            (restoration,) = restorer.restore_decoded([image], options, as_part(on_progress, number - 1, source.count))
        tell(restoration, number)
        yield _encoded(image, restoration, source)


def _encoded(image: DecodedImage[Page], restoration: Restoration, source: Source) -> Page:
    if restoration.outcome != "restored" and source.count == 1:
        raise NotRestoredError(f"{source.path}: {'; '.join(restoration.notes)}", restoration.outcome)
    with _named(source):
        return image.encode(restoration.pixels)


@contextmanager
def _named(source: Source) -> Iterator[None]:
    """Have errors say of which file they are."""
    try:
        with memory_errors("the image"):
            yield
    except (ImageError, MemoryLimitError) as error:
        raise type(error)(f"{source.path}: {error}") from error
