"""What files are restored from: pages, however a file holds them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from udsd.domains import Outcome
from udsd.errors import ImageError
from udsd.images import DecodedImage, Page, side_by_side

logger = logging.getLogger(__name__)


class Source(Protocol):
    """An opened file, whose pages are decoded one after another when they are asked for.

    It may be given from one thread to another, and is used by one at a time. `udsd.images.ImagePages` is one.
    """

    @property
    def path(self) -> Path:
        """What it was opened from; named in messages."""
        ...

    @property
    def count(self) -> int:
        """Number of pages, at least 1."""
        ...

    @property
    def pixel_count(self) -> int:
        """Pixels of the first page, known before it is decoded."""
        ...

    def __iter__(self) -> Iterator[DecodedImage[Page]]:
        """The pages in order. Their `DecodedImage.encode` gives what a `udsd.files.sinks.Sink` writes.

        Raises:
            ImageError: A page cannot be read; the message names the file.
        """
        ...

    def close(self) -> None:
        """Let go of the file and all that is large. What a sink needs of the source must outlive it."""
        ...


@runtime_checkable
class Document(Source, Protocol):
    """A source of images that lie somewhere on its pages, of which one that goes wrong does not stop the others."""

    @property
    def position(self) -> int:
        """Of the image given last among all of them, from 0; some may be left out, for they are finished already."""
        ...

    @property
    def page(self) -> int:
        """Number of the page of the image given last, from 1."""
        ...

    @property
    def problems(self) -> Sequence[tuple[int, str]]:
        """What a user should know of images so far: the number of the page, and a sentence."""
        ...

    def keep(self, outcome: Outcome) -> None:
        """Say that the image given last was not restored, and that nothing went wrong."""
        ...

    def refuse(self, reason: str) -> None:
        """Say why the image given last could not be restored."""
        ...


@runtime_checkable
class Clip(Document, Protocol):
    """A source of frames that follow each other; of its pages each is one frame."""

    @property
    def is_steady(self) -> bool:
        """Whether what is found in one frame holds on in the next."""
        ...

    def samples(self) -> Sequence[DecodedImage[Page]]:
        """Some frames from all over the clip."""
        ...


class Comparison:
    """A source of one page: the first of another source, which is encoded as a picture of before and after.

    Args:
        source: Whose first page is shown; closed with this one.
        part: What its pages are called.
    """

    count = 1

    def __init__(self, source: Source, part: str = "page") -> None:
        if source.count > 1:
            logger.warning("%s: has %d %ss; only the first is compared", source.path, source.count, part)
        self._source = source
        self.path = source.path
        self.pixel_count = source.pixel_count

    def __iter__(self) -> Iterator[DecodedImage[Page]]:
        decoded = next(iter(self._source), None)
        if decoded is None:
            raise self._nothing_to_show()
        before = decoded.encode(decoded.pixels)  # now, since restoring may overwrite the pixels
        yield decoded.then(lambda after: side_by_side([before, after], ["blurred", "restored"]))

    def close(self) -> None:
        """Close the other source."""
        self._source.close()

    def _nothing_to_show(self) -> ImageError:
        problems = self._source.problems if isinstance(self._source, Document) else ()
        first = next((f" ({reason})" for _, reason in problems), "")
        return ImageError(f"{self.path}: none of its images can be restored{first}; give another file")
