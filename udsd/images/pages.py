"""Image files as a row of pages: nearly always one, but TIFF has pages, and GIF, PNG, WebP and AVIF have frames."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from udsd.arguments import some_path
from udsd.errors import ImageError
from udsd.images.content import FileLike, is_content, name_of, opened
from udsd.images.decoded import DecodedImage
from udsd.images.deep import Page
from udsd.images.failures import named_errors
from udsd.images.families import OpenReader, PageReader
from udsd.images.netpbm import open_netpbm
from udsd.images.pillow import PillowReader
from udsd.images.tiff_reader import open_tiff
from udsd.regular import open_regular

_READERS: tuple[OpenReader, ...] = (open_tiff, open_netpbm, PillowReader)
"""Asked one after another, each with the file at its beginning. A new family is one more, before Pillow's."""


class ImagePages:
    """The pages of an image file, decoded one after another when they are asked for.

    The file is opened once, and closed at the end of a ``with`` block or when nobody holds these pages any more. Every
    page remembers what it came from: its `DecodedImage.encode` gives a Pillow image, or a `DeepImage` for colours of 16
    bits.

    Args:
        file: The file: its path, its bytes, or a file object, which is read whole and not closed.

    Attributes:
        path: The file; of bytes and file objects what messages call them.
        count: Number of pages.
        size: Width and height of the first page as stored, as its header says.
        pixel_count: Pixels of the first page, as its header says.

    Raises:
        ImageError: The file is missing, damaged, too large, of too many pages or no image (a later page raises it when
            it is reached).
    """

    def __init__(self, file: FileLike) -> None:
        self.path = path = name_of(file) if is_content(file) else some_path("path", file)
        with named_errors(str(path)), ExitStack() as held:
            self._reader = _open(file, path, held)
            # Many hold the pages only as long as they iterate.
            self._close = weakref.finalize(self, held.pop_all().close)
        self.count = self._reader.count
        self.size = width, height = self._reader.size
        self.pixel_count = width * height

    def __enter__(self) -> ImagePages:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[DecodedImage[Page]]:
        for index in range(self.count):
            # Not before, since many take the first page alone.
            if index == 1:
                with named_errors(str(self.path)):
                    self._reader.check_all()
            yield self.read(index)

    def read(self, index: int) -> DecodedImage[Page]:
        """Decode a page, the first being 0.

        Raises:
            ImageError: It is damaged or too large.
        """
        with named_errors(str(self.path)):
            return self._reader.read(index)

    def close(self) -> None:
        """Close the file; no page can be read any more."""
        self._close()


def _open(given: FileLike, path: Path, held: ExitStack) -> PageReader:
    file: BinaryIO = held.enter_context(cast(BinaryIO, opened(given) if is_content(given) else open_regular(path)))
    for open_reader in _READERS:
        file.seek(0)
        reader = open_reader(file, path)
        if reader is not None:
            return held.enter_context(closing(reader))
    raise ImageError("no reader takes it; give an image file")


def read_size(file: FileLike) -> tuple[int, int]:
    """Width and height of an image file's first page as stored, of which no pixel is read.

    Args:
        file: As of `ImagePages`.

    Raises:
        ImageError: The file is missing, too large or no image.
    """
    with ImagePages(file) as pages:
        return pages.size
