"""Images that are given from Python: folders, files, or images in memory, which a run keeps in its folder."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from torch.utils.data import Dataset

from udsd.atomic import passing_folder, whole_file
from udsd.errors import ImageError
from udsd.images import ImageLike, decode_image, save_image
from udsd.images.levels import to_pillow
from udsd.paths import is_folder
from udsd.training.request import check_names
from udsd.training.runs import make_folder

GivenImages: TypeAlias = str | os.PathLike[str] | Iterable[Any] | Dataset[Any]
"""A folder; an iterable of folders, of image files, or of images: Pillow images, arrays, tensors, or tuples that begin
with one, as the items of a torch dataset do; or such a dataset."""

IMAGES_FOLDER = "images"
"""Below the folder of a run: the images that were given in memory."""

_LIST_SUFFIX = ".txt"

_OWN_NAME = re.compile(r"[a-z_-]+-[0-9a-f]{16}(\.txt)?")


def place_images(images: GivenImages, run: Path, side: str, *, before: Sequence[str] = ()) -> tuple[str, ...]:
    """Folders and lists of files that hold the given images.

    Images in memory are written as PNG, 8 bits a colour, so that the run can go on without the program that gave them.
    Their folder appears when all are written. Its name tells its content, so that it takes the place of no other: those
    of a run that is there stay until another one has begun.

    Args:
        images: The images. A torch dataset is asked for its items in order, once.
        run: The folder of the run.
        side: What they are for: how the name of a folder below ``images/`` begins.
        before: Where the images of the run that goes on are. If they were given in memory they are taken from there,
            without a look at ``images``.

    Raises:
        ConfigError: The folder of the run cannot be made.
        ImageError: There are none, one cannot be read, or paths and images are mixed.
        OSError: A file cannot be written.
    """
    if isinstance(images, str | os.PathLike):
        return (_absolute(images),)
    folder = run.absolute() / IMAGES_FOLDER
    if len(before) == 1 and Path(before[0]).parent == folder and is_folder(Path(before[0])):
        return tuple(before)
    items = _items(images)
    first = next(items, None)
    if first is None:
        raise ImageError(f"there are no {side} images; give at least one")
    if isinstance(first, str | os.PathLike):
        return _places([first, *items], folder, side)
    make_folder(folder)
    with passing_folder(folder) as aside:
        unfinished, digest = aside / side, hashlib.sha256()
        unfinished.mkdir()
        for number, item in enumerate(_with_first(first, items)):
            if isinstance(item, str | os.PathLike):
                raise ImageError(f"{side} images are paths and images at once; give either")
            path = unfinished / f"{number:06d}.png"
            _write(item, path, f"{side} image {number}")
            digest.update(path.read_bytes())
        target = folder / f"{side}-{digest.hexdigest()[:16]}"
        try:
            unfinished.rename(target)
        except OSError:
            if not is_folder(target):  # else they are there already, from an attempt before or another process
                raise
    return (str(target),)


def clear_images(run: Path, used: Collection[str]) -> None:
    """Remove the images that runs were given in memory, and lists of files, but for those in use, and nothing else."""
    for path in (run.absolute() / IMAGES_FOLDER).glob("*"):
        if not _OWN_NAME.fullmatch(path.name) or str(path) in used:
            continue
        if path.suffix == _LIST_SUFFIX:
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _items(images: Iterable[Any] | Dataset[Any]) -> Iterator[Any]:
    """The images of an iterable, or of a torch dataset that has a length and items by number, and nothing else."""
    if hasattr(images, "__iter__"):
        yield from images
        return
    if not (hasattr(images, "__getitem__") and hasattr(images, "__len__")):
        raise ImageError(
            f"{type(images).__name__} is not taken as images; give a folder, an iterable or a torch dataset"
        )
    for number in range(len(images)):
        yield images[number]


def _with_first(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _places(paths: list[Any], folder: Path, side: str) -> tuple[str, ...]:
    """Folders and lists as they are, and a list of the files among the paths."""
    if not all(isinstance(path, str | os.PathLike) for path in paths):
        raise ImageError(f"{side} images are paths and images at once; give either")
    files = [path for path in map(_absolute, paths) if Path(path).is_file() and Path(path).suffix != _LIST_SUFFIX]
    places = [path for path in map(_absolute, paths) if path not in set(files)]
    if not files:
        return tuple(places)
    check_names(files)
    text = "\n".join(files)
    target = folder / f"{side}-{hashlib.sha256(text.encode()).hexdigest()[:16]}{_LIST_SUFFIX}"
    make_folder(folder)
    with whole_file(target) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return (*places, str(target))


def _write(item: Any, target: Path, name: str) -> None:
    image: ImageLike = item[0] if isinstance(item, tuple | list) and item else item
    try:
        pixels = decode_image(image).pixels
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error
    if len(pixels) != 1:
        raise ImageError(f"{name}: is a batch of {len(pixels)}; give images one by one")
    save_image(to_pillow(pixels[0]), target)


def _absolute(path: str | os.PathLike[str]) -> str:
    return str(Path(path).absolute()) if os.fspath(path) else ""
