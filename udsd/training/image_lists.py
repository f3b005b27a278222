"""Which files a run trains on: folders and lists of paths, and the checks of their images."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from udsd.errors import ImageError, MemoryLimitError
from udsd.images import find_images, read_size
from udsd.paths import is_folder, real_path
from udsd.regular import open_regular

logger = logging.getLogger(__name__)

_LOOKED_AT = 500
"""Images whose sizes describe a whole set."""

_NAMED = 5
"""Files that a warning names; further ones are counted."""


def list_images(places: Sequence[str], besides: Path | None = None) -> list[Path]:
    """The images of folders (with those below) and of text files of paths, each file once.

    A text file has one path on each line, relative to its own folder.

    Args:
        places: Folders and text files.
        besides: A folder whose images are left out, with those below: that of the run, which holds pictures of its own.
            Places that lie in it were meant, and count.

    Raises:
        ImageError: One of them is missing or holds no images, there are none of them, or all images are left out.
    """
    if not places:
        raise ImageError("no folder of images is given; give one, or a text file with a path on each line")
    files: dict[Path, Path] = {}
    own = None if besides is None else real_path(besides)
    for place in places:
        found = _images_of(place)
        if not found:
            raise ImageError(f"{place} holds no images; give a folder with PNG, JPEG or other image files")
        place_is_own = own is not None and real_path(Path(place)) != own and real_path(Path(place)).is_relative_to(own)
        for path in found:
            # Folders may contain each other, and a file must not be on both sides of a run.
            real = real_path(path)
            if own is None or place_is_own or not real.is_relative_to(own):
                files.setdefault(real, path)
    if not files:
        raise ImageError(
            f"all images lie in the output folder {besides}, and pictures there are taken for results; give an output "
            "folder that holds none of them"
        )
    return list(files.values())


def check_images(files: Sequence[Path], crop_size: int) -> list[Path]:
    """Leave out unreadable files and copies of others; warn of them, and of images smaller than a crop.

    Only headers are read, and the whole of files that are as long as another. Images smaller than a crop stay: they are
    mirrored at their borders.

    Raises:
        ImageError: No file is left.
    """
    sizes: dict[Path, tuple[int, int]] = {}
    broken: list[Path] = []
    for path in files:
        try:
            sizes[path] = read_size(path)
        except (ImageError, MemoryLimitError):
            broken.append(path)
    copies = {path for paths in _duplicates(list(sizes)) for path in paths[1:]}
    kept = [path for path in sizes if path not in copies]
    small = [path for path in kept if min(sizes[path]) < crop_size]
    warn_of_files("cannot be read and are left out", broken)
    warn_of_files("are copies of other files and are left out", copies)
    warn_of_files(f"are smaller than a crop of {crop_size} px and are mirrored at their borders", small)
    if not kept:
        raise ImageError(f"none of the {len(files)} files can be read as an image; the first is {files[0]}")
    return kept


def describe_images(files: Sequence[Path]) -> dict[str, Any]:
    """The number of images, and the smallest, middle and largest of their sizes in pixels.

    Of many images only some, spread over all, are looked at.

    Returns:
        ``count``, and ``smallest``, ``median`` and ``largest``, each (width, height), ordered by the area.
    """
    sizes = []
    for path in files[:: max(1, len(files) // _LOOKED_AT)]:
        with suppress(ImageError, MemoryLimitError):
            sizes.append(read_size(path))
    sizes.sort(key=lambda size: size[0] * size[1])
    if not sizes:
        return {"count": len(files)}
    return {"count": len(files), "smallest": sizes[0], "median": sizes[len(sizes) // 2], "largest": sizes[-1]}


def leave_out_shared(files: Sequence[Path], others: Sequence[Path], *, role: str, other_role: str) -> list[Path]:
    """The files that are not, by content, among the others; a warning names those that are.

    Args:
        files: Files of one use.
        others: Files of another use, which keeps those in common.
        role: What the files are for, as messages name it: "blurred".
        other_role: What the others are for.

    Raises:
        ImageError: All of them are.
    """
    shared = copies_of(files, others)
    kept = [path for path in files if path not in shared]
    if not kept:
        raise ImageError(f"all {role} images are among the {other_role} ones; give {role} images of other scenes")
    warn_of_files(f"are both {role} and {other_role} images, and are left out of the {role} ones", shared)
    return kept


def copies_of(files: Sequence[Path], others: Sequence[Path]) -> set[Path]:
    """The files that are, by content, among the others."""
    # Resolved paths, since a folder may be given once by a link and once by its own path.
    known = {real_path(path) for path in others}
    groups = _duplicates([*{real_path(path): path for path in [*others, *files]}.values()])
    copies = {path for paths in groups if known & {real_path(path) for path in paths} for path in paths}
    return {path for path in files if real_path(path) in known or path in copies}


def _images_of(given: str) -> list[Path]:
    if not given:
        raise ImageError("the name of a folder of images is empty; give a path (. is the current folder)")
    place = Path(given)
    if place.suffix.lower() != ".txt" or is_folder(place):
        return list(find_images(place))
    try:
        with open_regular(place) as file:
            lines = file.read().decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise ImageError(
            f"cannot read the list {place} ({error}); give a text file with a path on each line"
        ) from error
    return [place.parent / line.strip() for line in lines if line.strip()]


def _duplicates(files: Sequence[Path]) -> list[list[Path]]:
    """Groups of files of the same content, in their order. Only files that are as long as another are read."""
    by_size: dict[int, list[Path]] = {}
    by_content: dict[str, list[Path]] = {}
    # What cannot be read, or has vanished by now, is no copy; it is left out where its pixels are wanted.
    for path in files:
        with suppress(OSError):
            by_size.setdefault(path.stat().st_size, []).append(path)
    for path in (path for paths in by_size.values() if len(paths) > 1 for path in paths):
        with suppress(OSError), open_regular(path) as file:
            by_content.setdefault(hashlib.file_digest(file, "sha256").hexdigest(), []).append(path)
    return [paths for paths in by_content.values() if len(paths) > 1]


def warn_of_files(what: str, files: Iterable[Path]) -> None:
    """Warn of images in one line, which names the first few: ``3 image(s) WHAT: a.png, ...``; nothing for none."""
    paths = sorted(files)
    if paths:
        named = ", ".join(map(str, paths[:_NAMED]))
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        logger.warning("%d image(s) %s: %s%s", len(paths), what, named, more)
