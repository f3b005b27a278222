"""Folders of images."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from udsd.errors import ImageError
from udsd.images.formats import IMAGE_SUFFIXES

logger = logging.getLogger(__name__)


def find_images(folder: Path) -> Iterator[Path]:
    """Find the images in a folder and those below it, by file name ending.

    Paths come one by one, while folders are still being listed: first the files of a folder in order of name,
    then each folder in it. Taken are .png .apng .jpg .jpeg .jpe .jfif .tif .tiff .webp .bmp .dib .ppm .pgm
    .pbm .pnm .gif .jp2 .j2k .jpx .avif in upper or lower case. Names that begin with a dot are left out, links
    to folders are not followed, and a folder that cannot be listed is passed over with a logged warning.

    Raises:
        ImageError: The folder is missing or is a file (raised at once, not at the first image).
    """
    if not folder.is_dir():
        reason = "is a file" if folder.exists() else "no such folder"
        raise ImageError(f"{folder}: {reason}; give a folder with images")
    return _walk(folder)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, onerror=_warn_of_unlisted):
        # os.walk goes where this list, changed in place, says.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES:
                yield Path(parent, name)


def _warn_of_unlisted(error: OSError) -> None:
    logger.warning("%s: cannot be listed (%s) and is left out", error.filename, error.strerror)
