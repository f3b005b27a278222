"""One function for every kind of image that the library takes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from udsd.errors import ImageError
from udsd.images.arrays import decode_array, decode_tensor
from udsd.images.content import FileLike, is_content, is_path
from udsd.images.decoded import DecodedImage
from udsd.images.deep import DeepImage, Page
from udsd.images.failures import named_errors
from udsd.images.pages import ImagePages
from udsd.images.pillow import decode_pillow

logger = logging.getLogger(__name__)

ImageLike: TypeAlias = FileLike | Image.Image | NDArray[Any] | Tensor
"""An image file (path, bytes or file object), a Pillow image, an array (H, W) or (H, W, C), or a tensor (C, H, W) or
(B, C, H, W)."""


@overload
def decode_image(image: FileLike | Image.Image) -> DecodedImage[Image.Image]: ...
@overload
def decode_image(image: NDArray[Any]) -> DecodedImage[NDArray[Any]]: ...
@overload
def decode_image(image: Tensor) -> DecodedImage[Tensor]: ...
@overload
def decode_image(image: ImageLike) -> DecodedImage[Image.Image | NDArray[Any] | Tensor]: ...
def decode_image(image: ImageLike) -> DecodedImage[Any]:
    """Decode an image to float32 pixels (B, 3, H, W) in [-1, 1], with B = 1 unless a batch of tensors came.

    The result's `encode` gives the same kind back: a Pillow image for an image file or a Pillow image, an array for
    an array, a tensor for a tensor.

    Args:
        image: A path, the bytes of an image file, a file object that reads them (it is read whole and not closed), a
            Pillow image (any mode but F and I), an array (H, W) or (H, W, C) with C 1, 2 (grey and
            alpha), 3 or 4 (RGBA), or a tensor (C, H, W) or (B, C, H, W) with C 1, 3 or 4. Arrays and tensors are
            uint8 or uint16 over their whole range, or floats in [0, 1].

    Raises:
        ImageError: The image is missing, damaged, too large (`PIL.Image.MAX_IMAGE_PIXELS`), empty, of a kind
            that is not taken, or holds values that are not finite or out of range.
    """
    match image:
        case Image.Image():
            name = str(getattr(image, "filename", "")) or "image"
            with named_errors(name):
                return decode_pillow(image, name)
        case np.ndarray():
            return decode_array(image)
        case Tensor():
            return decode_tensor(image)
        case _ if is_path(image) or is_content(image):
            return _decode_file(image)
        case _:
            raise ImageError(
                f"{type(image).__name__} is not taken as an image; give a path, bytes, a file object, a Pillow image, "
                "an array or a tensor"
            )


def pages_as_pillow(pages: ImagePages) -> Iterator[DecodedImage[Image.Image]]:
    """The pages of a file in order, each decoded when it is asked for; their `encode` gives Pillow images.

    Raises:
        ImageError: A page is damaged (raised at that page).
    """
    return (decoded.then(partial(_as_pillow, path=pages.path)) for decoded in pages)


def _decode_file(file: FileLike) -> DecodedImage[Image.Image]:
    with ImagePages(file) as pages:
        if pages.count > 1:
            logger.warning(
                "%s: has %d pages; only the first is restored (deblur_pages restores all)", pages.path, pages.count
            )
        return pages.read(0).then(partial(_as_pillow, path=pages.path))


def _as_pillow(page: Page, path: Path) -> Image.Image:
    if isinstance(page, DeepImage):
        logger.warning("%s: Pillow holds 8 bits per colour, to which the 16 restored ones are rounded", path)
        return page.to_pillow()
    return page
