"""One function for every kind of image that the library takes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from udsd.errors import ConfigError, ImageError
from udsd.images.arrays import decode_array, decode_tensor
from udsd.images.decoded import DecodedImage
from udsd.images.deep import DeepImage, Page
from udsd.images.formats import readable_formats
from udsd.images.pillow import count_pages, decode_page, decode_pillow

logger = logging.getLogger(__name__)

ImageLike: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[Any] | Tensor
"""A path, a Pillow image, an array (H, W) or (H, W, C), or a tensor (C, H, W) or (B, C, H, W)."""


@overload
def decode_image(image: str | os.PathLike[str] | Image.Image) -> DecodedImage[Image.Image]: ...
@overload
def decode_image(image: NDArray[Any]) -> DecodedImage[NDArray[Any]]: ...
@overload
def decode_image(image: Tensor) -> DecodedImage[Tensor]: ...
@overload
def decode_image(image: ImageLike) -> DecodedImage[Image.Image | NDArray[Any] | Tensor]: ...
def decode_image(image: ImageLike) -> DecodedImage[Any]:
    """Decode an image to float32 pixels (B, 3, H, W) in [-1, 1], with B = 1 unless a batch of tensors came.

    The result's `encode` gives the same kind back: a Pillow image for a path or a Pillow image, an array for an
    array, a tensor for a tensor.

    Args:
        image: A path, a Pillow image (any mode but F and I), an array (H, W) or (H, W, C) with C 1, 2 (grey and
            alpha), 3 or 4 (RGBA), or a tensor (C, H, W) or (B, C, H, W) with C 1, 3 or 4. Arrays and tensors are
            uint8 or uint16 over their whole range, or floats in [0, 1].

    Raises:
        ImageError: The image is missing, damaged, too large (`PIL.Image.MAX_IMAGE_PIXELS`), empty, of a kind
            that is not taken, or holds values that are not finite or out of range.
    """
    match image:
        case str() | os.PathLike():
            return _decode_file(Path(image))
        case Image.Image():
            name = str(getattr(image, "filename", "")) or "image"
            with named_errors(name):
                return decode_pillow(image, name)
        case np.ndarray():
            return decode_array(image)
        case Tensor():
            return decode_tensor(image)
        case _:
            raise ImageError(
                f"{type(image).__name__} is not taken as an image; give a path, a Pillow image, an array or a tensor"
            )


def read_size(path: Path) -> tuple[int, int]:
    """Width and height of an image file as stored, read from its header alone.

    Raises:
        ImageError: The file is missing or is no image.
    """
    with named_errors(str(path)), path.open("rb") as file, Image.open(file, formats=readable_formats()) as image:
        return image.size


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image file whose header has been read.

    Raises:
        ImageError: It is no regular file.
        DecompressionBombError: It has more pixels than `PIL.Image.MAX_IMAGE_PIXELS`.
        Exception: Whatever Pillow raises on what it cannot read.
    """
    if path.is_dir():
        raise ImageError("is a folder; give an image file")
    if not path.exists():
        raise ImageError("no such file; check the path")
    # A pipe or a device could keep us waiting for ever.
    if not path.is_file():
        raise ImageError("is no regular file; give an image file")
    with path.open("rb") as file, Image.open(file, formats=readable_formats()) as image:
        check_size(image)
        yield image


def set_pixel_limit(pixels: int) -> None:
    """Refuse images of more pixels than this, instead of Pillow's 89 million, in the whole program.

    Raises:
        ConfigError: It is less than 1.
    """
    if pixels < 1:
        raise ConfigError(f"the limit is {pixels} pixels; give at least 1")
    Image.MAX_IMAGE_PIXELS = pixels


def check_size(image: Image.Image) -> None:
    """Refuse a decompression bomb.

    Raises:
        DecompressionBombError: It has more pixels than `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    limit = Image.MAX_IMAGE_PIXELS
    # Above the limit Pillow only warns, up to twice of it.
    if limit is not None and image.width * image.height > limit:
        raise Image.DecompressionBombError


def _decode_file(path: Path) -> DecodedImage[Image.Image]:
    with named_errors(str(path)), opened(path) as image:
        frames = count_pages(image)
        if frames > 1:
            logger.warning("%s: has %d frames; only one is restored, the others are left out", path, frames)
        return decode_page(image, path, 0).then(lambda page: _as_pillow(page, path))


def _as_pillow(page: Page, path: Path) -> Image.Image:
    if isinstance(page, DeepImage):
        logger.warning("%s: Pillow holds 8 bits per colour, to which the 16 restored ones are rounded", path)
        return page.to_pillow()
    return page


@contextmanager
def named_errors(name: str) -> Iterator[None]:
    """Turn whatever is raised while Pillow reads into an `ImageError` that names the image."""
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error
    # Pillow's decoders raise nearly anything on a broken file: OSError, SyntaxError, struct.error, IndexError...
    except Exception as error:
        raise ImageError(f"{name}: {_read_failure(error)}") from error


def _read_failure(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"not an image that can be read here; readable are {', '.join(readable_formats())}"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return (
            f"more than the {Image.MAX_IMAGE_PIXELS} pixels that are allowed; if you trust the file, raise the limit "
            "PIL.Image.MAX_IMAGE_PIXELS (--max-pixels)"
        )
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror}); check its name and permissions"
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"damaged or cut off ({reason}); get the file again"
