"""Reading, the network and writing at the same time, whatever the files are."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from udsd.atomic import remove_unfinished
from udsd.domains import DeblurOptions, FaceBoxes, Restoration
from udsd.errors import ImageError, MemoryLimitError, UdsdError
from udsd.files.kinds import open_source, part_name, sink_for
from udsd.files.options import ReadOptions, WriteOptions
from udsd.files.plan import Job
from udsd.files.report import FileResult
from udsd.files.restorer import Restorer, encoded, restored_pages
from udsd.files.sources import Clip, Comparison, Document, Source
from udsd.files.work import Work, unexpected
from udsd.images import DecodedImage, Page
from udsd.inference.backend import OnProgress
from udsd.inference.batching import in_batches
from udsd.out_of_memory import memory_errors
from udsd.paths import is_file
from udsd.side_threads import side_threads

_AHEAD = 2
"""Files that are read before their turn, and batches of results that wait to be written."""

_SMALL = 16_000_000
"""Pixels up to which a file is read before its turn. A larger one has the memory for itself."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How files are restored.

    Attributes:
        overwrite: Restore again what is there already.
        compare: Write pictures of the first page before and after.
        reading: How files are read.
        writing: How results are written.
        batch_size: Images of one size that run together at most.
        options: How images are brought to the model.
        boxes: Where faces lie, instead of what the options say.
    """

    overwrite: bool
    compare: bool
    batch_size: int
    reading: ReadOptions = field(default_factory=ReadOptions)
    writing: WriteOptions = field(default_factory=WriteOptions)
    options: DeblurOptions = field(default_factory=DeblurOptions)
    boxes: FaceBoxes = field(default_factory=FaceBoxes)

    def options_for(self, path: Path) -> DeblurOptions:
        """The options for one file."""
        boxes = self.boxes.of(path)
        return self.options if boxes is None else replace(self.options, faces=boxes)


_Group: TypeAlias = tuple[list[Work], list[DecodedImage[Page]]]
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
        readers = side_threads(_AHEAD, "udsd-read")
        writer = side_threads(1, "udsd-write")
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

    def _read_ahead(self, jobs: Iterable[Job], readers: ThreadPoolExecutor) -> Iterator[Work]:
        reading: deque[Future[Work]] = deque()
        for job in jobs:
            reading.append(readers.submit(self._read, job))
            if len(reading) > _AHEAD:
                yield reading.popleft().result()
        yield from (future.result() for future in reading)

    def _read(self, job: Job) -> Work:
        work = Work(job)
        if job.refusal:
            work.fail(job.refusal)
        elif not self._settings.overwrite and is_file(job.target):
            work.result = FileResult(job.source, job.target, "kept")
        else:
            work.attempt(lambda: self._open_ahead(work))
        return work

    def _open_ahead(self, work: Work) -> None:
        try:
            with memory_errors(str(work.job.source)):
                self._open(work)
        except MemoryLimitError:
            # In its turn it is opened once more, when it has the memory to itself.
            work.source = work.image = None

    def _open(self, work: Work) -> None:
        work.source = source = self._source(work)
        if source.count == 1 and source.pixel_count <= _SMALL and not isinstance(source, Clip):
            with closing(source):
                work.image = next(iter(source))

    def _source(self, work: Work) -> Source:
        source = open_source(work.job.source, self._settings.reading)
        return Comparison(source, part_name(source.path)) if self._settings.compare else source

    def _groups(self, works: Iterable[Work]) -> Iterator[_Group]:
        """Images of one size together; all other files by themselves."""
        for group in in_batches(works, self._batch_key, self._settings.batch_size):
            yield group, [image for image in (work.take_image() for work in group) if image is not None]

    def _batch_key(self, work: Work) -> Hashable:
        # Files that were not read ahead get a unique key, so they are never batched.
        return (work.size, self._settings.options_for(work.job.source)) if work.size else id(work)

    def _restore_together(
        self, works: list[Work], images: list[DecodedImage[Page]], on_progress: OnProgress
    ) -> Sequence[Restoration] | Sequence[None]:
        start = time.perf_counter()
        try:
            with memory_errors("the image"):
                restored = self._restorer.restore_decoded(
                    images, self._settings.options_for(works[0].job.source), on_progress
                )
        except (ImageError, MemoryLimitError) as error:
            return _all_failed(works, str(error))
        except UdsdError:
            raise
        except Exception as error:
            return _all_failed(works, unexpected(error, works[0].job.source))
        share = (time.perf_counter() - start) / len(works)
        for work in works:
            work.seconds += share
        return restored

    def _write(self, work: Work, image: DecodedImage[Page], restoration: Restoration | None) -> FileResult:
        source = work.source
        if source is not None and restoration is not None:
            work.tell(restoration)
            done = restoration
            work.attempt(lambda: self._save(iter([encoded(image, done, source)]), work.job.target, source))
        return work.done()

    def _restore_alone(self, work: Work, on_progress: OnProgress) -> FileResult:
        if work.result is None:
            work.attempt(lambda: self._restore_pages(work, on_progress))
        return work.done()

    def _restore_pages(self, work: Work, on_progress: OnProgress) -> None:
        with closing(work.source or self._source(work)) as source:
            pages = restored_pages(
                self._restorer, source, self._settings.options_for(source.path), work.tell, on_progress
            )
            try:
                self._save(pages, work.job.target, source)
            finally:
                if isinstance(source, Document):
                    work.note(source.problems)

    def _save(self, pages: Iterator[Page], target: Path, source: Source) -> None:
        self._tidy(target.parent)
        sink_for(target).write(pages, target, source, self._settings.writing)

    def _tidy(self, folder: Path) -> None:
        """Once in each folder, remove what killed runs have left."""
        with self._tidying:
            if folder in self._tidied:
                return
            self._tidied.add(folder)
        remove_unfinished(folder)


def _all_failed(works: list[Work], reason: str) -> list[None]:
    for work in works:
        work.fail(f"{work.job.source}: {reason}")
    return [None] * len(works)


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
        # Waited for: who ends the pool drops what has not begun, and the others would wait for that.
        done, _ = wait([pool.submit(together.wait) for _ in range(count)], return_when=FIRST_EXCEPTION)
        for begun in done:
            begun.result()
    except BaseException:
        together.abort()  # else those that did begin would wait for ever, and whoever ends the pool for them
        raise
