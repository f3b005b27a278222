"""What restored pages are written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from udsd.files.options import WriteOptions
from udsd.files.sources import Source
from udsd.images import Page, save_pages
from udsd.images.formats import format_for


class Sink(Protocol):
    """Writes the restored pages of a source as one file, whole or not at all."""

    def check(self, target: Path) -> None:
        """Make sure that a file of this name can be written here, before anything is restored.

        Raises:
            ImageError: Its ending names no format, or one that cannot be written as installed.
        """
        ...

    def write(self, pages: Iterator[Page], target: Path, source: Source, options: WriteOptions) -> None:
        """Write pages, each restored only when it is taken.

        Args:
            pages: At least one.
            target: The file; it is replaced if it exists, and missing folders are made.
            source: Where the pages come from, perhaps closed: for what is carried over besides them.
            options: How they are coded.

        Raises:
            ImageError: The file cannot be written.
            UdsdError: Whatever is raised where the pages come from.
        """
        ...


class ImageSink:
    """Image files, of every format that `udsd.images` writes."""

    def check(self, target: Path) -> None:
        """Raise `ImageError` where the ending names no image format."""
        format_for(target)

    def write(self, pages: Iterator[Page], target: Path, source: Source, options: WriteOptions) -> None:
        """Write pages, in which all that is carried over is, and mark the file as a result."""
        save_pages(pages, target, quality=options.quality, mark=True)
