"""Images that are given from Python: folders, files, or images in memory, which a run keeps in its folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from torch.utils.data import Dataset

from udsd.atomic import whole_file
from udsd.errors import ImageError
from udsd.images import ImageLike, decode_image, save_image
from udsd.images.levels import to_pillow

GivenImages: TypeAlias = str | os.PathLike[str] | Iterable[Any] | Dataset[Any]
"""A folder; an iterable of folders, of image files, or of images: Pillow images, arrays, tensors, or tuples that begin
with one, as the items of a torch dataset do; or such a dataset."""

IMAGES_FOLDER = "images"
"""Below the folder of a run: the images that were given in memory."""

_LIST_SUFFIX = ".txt"


def place_images(images: GivenImages, run: Path, side: str, *, keep: bool) -> tuple[str, ...]:
    """Folders and lists of files that hold the given images.

    Images in memory are written as PNG, 8 bits a colour, so that the run can go on without the program that gave them.

    Args:
        images: The images. A torch dataset is asked for its items in order, once.
        run: The folder of the run.
        side: What they are for: the name of a folder below ``images/``.
        keep: Take the files that are there already, without a look at ``images``, if they are in memory.

    Raises:
        ImageError: There are none, one cannot be read, or paths and images are mixed.
        OSError: A file cannot be written.
    """
    if isinstance(images, str | os.PathLike):
        return (_absolute(images),)
    folder = run / IMAGES_FOLDER / side
    if keep and folder.is_dir():
        return (str(folder.absolute()),)
    items = _items(images)
    first = next(items, None)
    if first is None:
        raise ImageError(f"there are no {side} images; give at least one")
    if isinstance(first, str | os.PathLike):
        return _places([first, *items], run, side)
    for number, item in enumerate(_with_first(first, items)):
        if isinstance(item, str | os.PathLike):
            raise ImageError(f"{side} images are paths and images at once; give either")
        _write(item, folder / f"{number:06d}.png", f"{side} image {number}")
    return (str(folder.absolute()),)


def clear_images(run: Path) -> None:
    """Remove the images that a run was given in memory, and lists of files, and nothing else."""
    folder = run / IMAGES_FOLDER
    for path in [*folder.glob("*/[0-9]*.png"), *folder.glob(f"*{_LIST_SUFFIX}")]:
        path.unlink()


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


def _places(paths: list[Any], run: Path, side: str) -> tuple[str, ...]:
    """Folders and lists as they are, and a list of the files among the paths."""
    if not all(isinstance(path, str | os.PathLike) for path in paths):
        raise ImageError(f"{side} images are paths and images at once; give either")
    files = [path for path in map(_absolute, paths) if Path(path).is_file() and Path(path).suffix != _LIST_SUFFIX]
    places = [path for path in map(_absolute, paths) if path not in set(files)]
    if not files:
        return tuple(places)
    target = run / IMAGES_FOLDER / f"{side}{_LIST_SUFFIX}"
    with whole_file(target) as unfinished:
        unfinished.write_text("\n".join(files), encoding="utf-8")
    return (*places, str(target.absolute()))


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
