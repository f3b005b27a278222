"""What a family of image files offers: a reader of its pages, and a writer.

A page is one image of a file: the only one of a photograph, one of a TIFF, a frame of an animation. A family is what
one library reads and writes: nearly everything is Pillow's; TIFF files of several pages
are tifffile's, colours of 16 bits are read and written here. Readers are
listed in `udsd.images.pages`, writers in `udsd.images.saving`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from udsd.images.decoded import DecodedImage
from udsd.images.deep import Page
from udsd.images.formats import ImageFormat


class PageReader(Protocol):
    """The pages of an opened file, decoded one after another when they are asked for.

    Its methods may raise anything on a damaged file; `udsd.images.failures.named_errors` turns it into an `ImageError`.

    Attributes:
        count: Number of pages, at least 1.
        size: Width and height of the first page as stored, as its header says.
    """

    count: int
    size: tuple[int, int]

    def read(self, index: int) -> DecodedImage[Page]:
        """Decode a page, the first being 0. Its `DecodedImage.encode` gives what a `PageWriter` takes."""
        ...

    def check_all(self) -> None:
        """Raise `ImageError` if decoding all pages is more work than a file may make (`udsd.images.limits`)."""
        ...

    def close(self) -> None:
        """Let go of what is held besides the file."""
        ...


OpenReader: TypeAlias = Callable[[BinaryIO, Path], PageReader | None]
"""Makes a reader of a file, of which the path is for messages alone; None if the file is none of its family."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where and how pages are written.

    Attributes:
        unfinished: The path to write to.
        path: The one that it will get, for messages.
        image_format: The format.
        quality: 1 to 100, or None for what the pages say or the format's own.
    """

    unfinished: Path
    path: Path
    image_format: ImageFormat
    quality: int | None


@dataclass(frozen=True, slots=True)
class PageWriter:
    """How a family writes pages.

    Attributes:
        takes: Whether it writes a format, given the first page and whether there are more.
        write: Writes pages, at least one, and only one where the format holds no more.
    """

    takes: Callable[[ImageFormat, Page, bool], bool]
    write: Callable[[Iterable[Page], Destination], None]
