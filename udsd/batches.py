"""Many images, restored one batch after another and handed out in their order; the pages of a file."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, Union

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from udsd.domains import Restoration
from udsd.errors import ConfigError, ImageError, MemoryLimitError
from udsd.images import DecodedImage, ImageLike, ImagePages, decode_image, pages_as_pillow
from udsd.images.content import Bytes, is_content, is_path
from udsd.inference import OnProgress, in_batches
from udsd.inference.backend import as_part
from udsd.out_of_memory import memory_errors
from udsd.progress import ImageBar

if TYPE_CHECKING:
    from PIL import Image

logger = logging.getLogger(__name__)

Restored: TypeAlias = Union["Image.Image", NDArray[Any], Tensor]
RestoredT = TypeVar("RestoredT", "Image.Image", NDArray[Any], Tensor)
"""What comes back as it came: an image file gives a Pillow image."""

Result: TypeAlias = Restored | ImageError | MemoryLimitError
Restore: TypeAlias = Callable[[Sequence[DecodedImage[Any]], OnProgress], Sequence[Restoration]]
"""Restores images of one size, and tells the share that is done."""

_STACK = 3
"""Dimensions of a stack of grey images."""

_MOST_CHANNELS = 4

_Numbered: TypeAlias = tuple[int, ImageLike, DecodedImage[Any]]


def restore_all(
    images: Iterable[ImageLike], restore: Restore, *, batch_size: int, bar: ImageBar, raises: bool
) -> Iterator[Result]:
    """Restore images, reading each when it is needed.

    Args:
        images: Anything that `udsd.images.decode_image` takes.
        restore: What restores a batch.
        batch_size: How many images of one size are restored together at most.
        bar: Shows what is done; closed at the end.
        raises: Whether an image that cannot be read or restored ends all with its error, once those before it have been
            handed out; else its error is handed out in its place.
    """
    failure: list[Exception] = []
    finished: dict[int, Result] = {}

    def decoded() -> Iterator[_Numbered | None]:
        """Images; and None for each failure, which so waits for no image behind it."""
        try:
            for number, image in enumerate(images):
                numbered = None
                try:
                    numbered = number, image, decode_named(image)
                except (ImageError, MemoryLimitError) as error:
                    finished[number] = error
                yield numbered
                if raises and numbered is None:
                    return
        except Exception as error:
            failure.append(error)

    due = 0
    with bar:
        for batch in in_batches(decoded(), lambda numbered: numbered and numbered[2].pixels.shape, batch_size):
            good = [numbered for numbered in batch if numbered is not None]
            if good:
                finished |= _restored(good, restore, _within(bar, len(good)))
            bar.finish(len(batch))
            while due in finished:
                yield _handed_out(finished.pop(due), raises=raises)
                due += 1
    for number in sorted(finished):
        yield _handed_out(finished[number], raises=raises)
    if failure:
        raise failure[0]


def restore_pages(pages: ImagePages, restore: Restore, on_progress: OnProgress | None = None) -> Iterator[Image.Image]:
    """Restore the pages of a file one by one, each when it is asked for.

    Args:
        pages: The file.
        restore: What restores a page.
        on_progress: Called now and then with the share of all pages that is done.
    """
    for number, decoded in enumerate(pages_as_pillow(pages)):
        name = f"{pages.path}, page {number + 1}"
        check_size(decoded.pixels, f"{name}: ")
        tell = as_part(on_progress or (lambda share: None), number, pages.count)
        (restoration,) = restore([decoded], tell)
        log_restoration(name, restoration)
        with memory_errors("the image"):
            page = decoded.encode(restoration.pixels)
        yield page


def check_several(images: Any) -> None:
    """Refuse a single image where many are expected: text would be taken letter by letter, an array row by row.

    Raises:
        ConfigError: It is one, or nothing to go through.
    """
    is_stack = isinstance(images, np.ndarray | Tensor)
    is_file = is_path(images) or is_content(images)  # a file object would be taken line by line
    if is_file or not (is_stack or isinstance(images, Iterable)):
        given = f"{len(images)} bytes" if isinstance(images, Bytes) else repr(images)
    # A stack of grey images (B, H, W) is one of several; its last side is no number of channels.
    elif is_stack and (images.ndim < _STACK or (images.ndim == _STACK and _is_one(images))):
        given = f"{'a tensor' if isinstance(images, Tensor) else 'an array'} of shape {tuple(images.shape)}"
    else:
        return
    raise ConfigError(f"images is {given}, which is not several images; give a list of images, or use deblur for one")


def _is_one(image: NDArray[Any] | Tensor) -> bool:
    """Whether an array of three dimensions is one image with its channels, and no stack of grey ones."""
    return isinstance(image, Tensor) or image.shape[-1] <= _MOST_CHANNELS


def decode_named(image: ImageLike) -> DecodedImage[Image.Image | NDArray[Any] | Tensor]:
    """Decode an image; errors of a file name it.

    Raises:
        ImageError: It cannot be read, is of a kind that is not supported, or a single pixel.
        MemoryLimitError: It needs more memory than there is.
    """
    name = f"{os.fspath(image)}: " if is_path(image) else ""
    with memory_errors("the image"):
        decoded = decode_image(image)
    check_size(decoded.pixels, name)
    return decoded


def check_size(pixels: Tensor, name: str = "") -> None:
    """Refuse a single pixel.

    Raises:
        ImageError: It is one.
    """
    if pixels.shape[-2:] == (1, 1):
        raise ImageError(f"{name}the image is a single pixel, which shows no blur; give a larger one")


def log_restoration(image: ImageLike, restoration: Restoration) -> None:
    """Log how an image was brought to the model, and warn of what a user should know."""
    name = os.fspath(image) if is_path(image) else "the image"
    for region in restoration.regions:
        logger.info("%s: %s", name, region.describe())
    for note in restoration.notes:
        logger.warning("%s: %s", name, note)


def _restored(batch: Sequence[_Numbered], restore: Restore, on_progress: OnProgress) -> dict[int, Result]:
    """Of each image of a batch its result, or its error."""
    try:
        restorations = restore([decoded for _, _, decoded in batch], on_progress)
        results: dict[int, Result] = {}
        for (number, image, decoded), restoration in zip(batch, restorations, strict=True):
            log_restoration(image, restoration)
            with memory_errors("the image"):
                results[number] = decoded.encode(restoration.pixels)
        return results
    except (ImageError, MemoryLimitError) as error:
        if len(batch) == 1:
            return {batch[0][0]: error}
    # Their pixels are what they were, since those of several images are copied to be restored.
    singly = (_restored([one], restore, on_progress) for one in batch)
    return {number: result for results in singly for number, result in results.items()}


def _handed_out(result: Result, *, raises: bool) -> Result:
    """A result; or its error is raised."""
    if raises and isinstance(result, Exception):
        raise result
    return result


def _within(bar: ImageBar, count: int) -> OnProgress:
    return lambda share: bar.within(share * count)
