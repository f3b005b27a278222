"""Folders of images."""

from __future__ import annotations

import logging
import os
from collections.abc import Container, Iterator
from pathlib import Path

from udsd.arguments import some_path
from udsd.errors import ImageError
from udsd.images.formats import IMAGE_SUFFIXES

logger = logging.getLogger(__name__)


def find_images(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Find the images in a folder and those below it, by file name ending.

    Taken are .png .apng .jpg .jpeg .jpe .jfif .tif .tiff .webp .bmp .dib .ppm .pgm .pbm .pnm .pam .gif .jp2 .j2k .jpx
    .avif .heic .heif in upper or lower case; the rest is as for `find_files`.

    Raises:
        ImageError: The folder is missing, is a file or may not be listed (raised at once, not at the first image).
        ConfigError: It is no path.
    """
    return find_files(some_path("folder", folder), IMAGE_SUFFIXES)


def find_files(folder: Path, suffixes: Container[str]) -> Iterator[Path]:
    """Find the files in a folder and below it whose names have one of some endings, given in lower case.

    Paths come one by one, while folders are still being listed: first the files of a folder in order of name, then each
    folder in it. Names that begin with a dot are left out, links to folders are not followed, and a folder that cannot
    be listed is passed over with a logged warning.

    Raises:
        ImageError: The folder is missing, is a file or may not be listed (raised at once, not at the first file).
    """
    try:
        os.scandir(folder).close()
    except NotADirectoryError as error:
        raise ImageError(f"{folder}: is a file; give a folder with images") from error
    except FileNotFoundError as error:
        raise ImageError(f"{folder}: no such folder; give a folder with images") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{folder}: cannot be listed ({reason}); check its name and permissions") from error
    return _walk(folder, suffixes)


def _walk(folder: Path, suffixes: Container[str]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, onerror=_warn_of_unlisted):
        # os.walk goes where this list, changed in place, says.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes:
                yield Path(parent, name)


def _warn_of_unlisted(error: OSError) -> None:
    logger.warning("%s: cannot be listed (%s) and is left out", error.filename, error.strerror)
