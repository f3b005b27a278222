"""How large an image may be that is opened."""

from __future__ import annotations

from PIL import Image

from udsd.errors import ConfigError


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
    # Up to twice the limit Pillow itself only warns.
    if limit is not None and image.width * image.height > limit:
        raise Image.DecompressionBombError
