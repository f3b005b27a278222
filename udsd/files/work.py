"""A file on its way through the pipeline."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from udsd.domains import Restoration
from udsd.errors import ConfigError, ImageError, MemoryLimitError, UdsdError
from udsd.files.plan import Job
from udsd.files.report import FileResult, PageReport, Status
from udsd.files.restorer import NotRestoredError
from udsd.files.sources import Source
from udsd.images import DecodedImage, Page
from udsd.out_of_memory import memory_errors

logger = logging.getLogger(__name__)

_Value = TypeVar("_Value")


@dataclass(slots=True)
class Work:
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
        # A codec that the ending of this file does not take, a package that files of its kind need.
        except ConfigError as error:
            reason = f"{self.job.source}: {error}"
        # Of the model, which is that of all files, or of whoever ends the run.
        except UdsdError:
            raise
        # Names too long, folders that may not be searched, texts that are no path at all.
        except (OSError, ValueError) as error:
            reason = (
                f"{self.job.source}: {getattr(error, 'strerror', None) or error}; check the paths of it and its result"
            )
        # A file may hold what nobody has thought of, and the others are still good.
        except Exception as error:
            reason = f"{self.job.source}: {unexpected(error, self.job.source)}"
        self.seconds += time.perf_counter() - start
        if reason is not None:
            self.fail(reason)
        return value

    def tell(self, restoration: Restoration, number: int = 1) -> None:
        """Keep what there is to tell of a page."""
        self.model = restoration.model or self.model
        if restoration.regions or restoration.notes:
            self.pages.append(PageReport(number, restoration.regions, restoration.notes))

    def note(self, problems: Sequence[tuple[int, str]]) -> None:
        """Keep what there is to tell of pages that were not restored."""
        self.pages += [PageReport(number, (), (sentence,)) for number, sentence in problems]

    def fail(self, reason: str) -> None:
        """It could not be restored."""
        self.finish("failed", reason)

    def finish(self, status: Status, reason: str = "") -> FileResult:
        """Say what became of it."""
        job, seconds, pages = self.job, round(self.seconds, 3), tuple(self.pages)
        self.result = FileResult(job.source, job.target, status, seconds, reason, pages, self.model)
        return self.result

    def done(self) -> FileResult:
        """What became of it: it is restored, if nothing else was said."""
        return self.result or self.finish("restored")


def unexpected(error: Exception, path: Path) -> str:
    """What is said of an error that no file should cause; where it comes from is logged.

    Args:
        error: The error.
        path: The file, or the first of several.
    """
    logger.info("%s: an error that is not expected of any file", path, exc_info=error)
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return f"an error within udsd ({words}); please report it, with what -v shows and the file if you can"
