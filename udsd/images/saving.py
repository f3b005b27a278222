"""Writing image files, whole or not at all."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from udsd.arguments import some_path, whole_number
from udsd.atomic import whole_file
from udsd.errors import ImageError, MemoryLimitError, UdsdError
from udsd.images.deep import Page
from udsd.images.deep_png import DEEP_PNG_WRITER
from udsd.images.families import Destination
from udsd.images.formats import format_for
from udsd.images.mark import mark_file
from udsd.images.netpbm import NETPBM_WRITER
from udsd.images.pillow_writer import PILLOW_WRITER
from udsd.images.tiff import TIFF_WRITER
from udsd.out_of_memory import memory_errors

logger = logging.getLogger(__name__)

_WRITERS = (TIFF_WRITER, DEEP_PNG_WRITER, NETPBM_WRITER, PILLOW_WRITER)
"""The first that takes the pages writes them; Pillow's takes all."""


def save_image(
    image: Page, path: str | os.PathLike[str], *, overwrite: bool = True, quality: int | None = None
) -> None:
    """Write an image in the format that the file name's ending names.

    The file appears whole or not at all. Missing folders are made. Resolution, ICC profile, EXIF, XMP and text in
    ``image.info`` go into formats that take them. JPEG is written with the quantisation and chroma subsampling of the
    JPEG that the image came from, else at quality 95 without subsampling. What a format cannot hold is converted with a
    logged warning: transparency is flattened over white, 16 bits become 8. GIF reduces colours to 256.

    Args:
        image: A Pillow image of any mode but F and I, or a colour image of 16 bits.
        path: The file. A link is replaced, not followed.
        overwrite: If false, a file that exists is an error.
        quality: 1 to 100, for formats that lose something, instead of the above.

    Raises:
        ConfigError: The quality is not from 1 to 100.
        ImageError: The ending is unknown, the file exists and may not be replaced, or it cannot be written.
        MemoryLimitError: Memory ran out.
    """
    save_pages([image], path, overwrite=overwrite, quality=quality)


def save_pages(
    pages: Iterable[Page],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = True,
    quality: int | None = None,
    mark: bool = False,
) -> None:
    """Write several pages as one file, as `save_image` does for one.

    With ``mark`` the file says, in a place of its own beside all else, that it is a result (`udsd.images.mark`).

    TIFF pages are written as they come; the frames of GIF, PNG, WebP and AVIF are kept until the last. Of other formats
    only the first page is written, with a logged warning.

    Raises:
        ConfigError: The quality is not from 1 to 100.
        ImageError: As of `save_image`, or there are no pages.
        UdsdError: Whatever is raised where the pages come from.
    """
    quality = check_quality(quality)
    path = some_path("path", path)
    image_format = format_for(path)
    remaining = _marked(pages)
    try:
        first = next(remaining, None)
    except _PageError as error:
        raise error.reason from error
    if first is None:
        raise ImageError(f"{path}: there is nothing to write; give at least one image")
    with _written_whole(path, overwrite) as unfinished:
        _write_pages(first, remaining, Destination(unfinished, path, image_format, quality))
        if mark:
            mark_file(unfinished)


def check_quality(quality: int | None) -> int | None:
    """A quality as a number of Python's own, or None.

    Raises:
        ConfigError: It is not from 1 to 100, nor None.
    """
    return None if quality is None else whole_number("quality", quality, 1, 100)


class _PageError(Exception):
    """What went wrong before a page was there to be written."""

    def __init__(self, reason: UdsdError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _marked(pages: Iterable[Page]) -> Iterator[Page]:
    try:
        yield from pages
    except UdsdError as error:
        raise _PageError(error) from error


@contextmanager
def _written_whole(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give the name to write to, and turn whatever goes wrong into an error that names the file."""
    try:
        _check_replaceable(path, overwrite)
        with whole_file(path) as unfinished, memory_errors("encoding"):
            yield unfinished
    except _PageError as error:
        raise error.reason from error
    except (ImageError, MemoryLimitError) as error:
        raise type(error)(f"{path}: {error}") from error
    # Besides OSError, Pillow's encoders raise ValueError, struct.error, RuntimeError... on odd sizes or EXIF.
    except Exception as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ImageError(f"{path}: cannot be written ({reason}); check the folder, the disk and the format") from error


def _check_replaceable(path: Path, overwrite: bool) -> None:
    if path.is_dir():
        raise ImageError("is a folder; give a file name")
    if not overwrite and path.exists():
        raise ImageError("exists already; give another name or allow overwriting")


def _write_pages(first: Page, others: Iterator[Page], destination: Destination) -> None:
    second = next(others, None)
    if second is not None and not destination.image_format.pages:
        logger.warning(
            "%s: %s holds one image only; the others are left out", destination.path, destination.image_format.name
        )
        second = None
    pages = [first] if second is None else chain([first, second], others)
    writer = next(one for one in _WRITERS if one.takes(destination.image_format, first, second is not None))
    writer.write(pages, destination)
