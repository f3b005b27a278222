"""How much work a file may make: limits on its pixels, its pages and what is done to decode them.

Small files can say that they are large, or say the same again and again. The unit is the largest image that is opened,
`PIL.Image.MAX_IMAGE_PIXELS`, so that one number raises what a file may take in memory and in time. Pages have a limit
of their own, since each takes time however few its pixels are.
"""

from __future__ import annotations

from PIL import Image

from udsd.arguments import whole_number
from udsd.errors import ImageError

_HELD = 3
"""Frames in memory may have as many times the pixels of the largest image: they have up to 4 bytes a pixel, an image on
its way through the network 12."""

_DECODED = 100
"""All pages of a file, or all scans of a JPEG, may have as many times the pixels of the largest image."""

_BYTES_A_PIXEL = 4

_pages = 10_000


def set_pixel_limit(pixel_count: int | None) -> None:
    """Refuse images of more pixels than this, instead of Pillow's 89 million, in the whole program.

    The frames of an animation may have three times as many together, and all pages of a file, like all scans of a
    progressive JPEG, a hundred times. None is no limit, as it is to Pillow.

    Raises:
        ConfigError: It is less than 1.
    """
    Image.MAX_IMAGE_PIXELS = None if pixel_count is None else whole_number("the limit on pixels", pixel_count, 1)


def set_page_limit(pages: int) -> None:
    """Refuse files of more pages or frames than this, instead of 10,000, in the whole program.

    Raises:
        ConfigError: It is less than 1.
    """
    global _pages
    _pages = whole_number("the limit on pages", pages, 1)


def page_limit() -> int:
    """The most pages or frames that a file may have."""
    return _pages


def check_size(image: Image.Image) -> None:
    """Refuse a decompression bomb.

    Raises:
        DecompressionBombError: It has more pixels than `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    check_pixels(image.width * image.height)


def check_pixels(pixel_count: int) -> None:
    """Refuse so many pixels, as `check_size` does."""
    limit = Image.MAX_IMAGE_PIXELS
    # Up to twice the limit Pillow itself only warns.
    if limit is not None and pixel_count > limit:
        raise Image.DecompressionBombError


def check_pages(count: int) -> None:
    """Refuse a file of too many pages.

    Raises:
        ImageError: There are more than the limit.
    """
    if count > _pages:
        raise ImageError(
            f"has more than the {_pages} pages or frames that are allowed; if you trust the file, raise the limit with "
            "--max-pages (udsd.images.set_page_limit), or split it"
        )


def check_held(pixel_count: int) -> None:
    """Refuse frames that would lie in memory together.

    Raises:
        ImageError: They have too many pixels together.
    """
    _check_sum(pixel_count, _HELD, "the frames of an animation, which are kept in memory,")


def check_decoded(pixel_count: int, what: str) -> None:
    """Refuse more decoding than a file may ask for.

    Args:
        pixel_count: Pixels of all pages, or of all scans.
        what: What has them, for the message.

    Raises:
        ImageError: They are too many.
    """
    _check_sum(pixel_count, _DECODED, what)


def check_read_whole(length: int) -> None:
    """Refuse a file that is read into memory as it is, be it mostly a hole.

    Args:
        length: Its bytes.

    Raises:
        ImageError: It has more than the largest image has without compression.
    """
    limit = most_read_whole()
    if limit is not None and length > limit:
        raise ImageError(
            f"has {length} bytes, more than {_BYTES_A_PIXEL} for each of the {Image.MAX_IMAGE_PIXELS} pixels that an "
            "image may have; if "
            "you trust the file, raise the limit with --max-pixels (udsd.images.set_pixel_limit)"
        )


def most_read_whole() -> int | None:
    """The most bytes of a file that are read into memory as they are; None for any number."""
    limit = Image.MAX_IMAGE_PIXELS
    return None if limit is None else _BYTES_A_PIXEL * limit


def most_scans(pixel_count: int) -> int | None:
    """How often an image of so many pixels may be decoded; None for any number."""
    limit = Image.MAX_IMAGE_PIXELS
    return None if limit is None else _DECODED * limit // max(pixel_count, 1)


def _check_sum(pixel_count: int, times: int, what: str) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and pixel_count > times * limit:
        raise ImageError(
            f"{what} have {pixel_count} pixels together, more than {times} times the {limit} that an image may have; "
            "if you trust the file, raise the limit with --max-pixels (udsd.images.set_pixel_limit), or split it"
        )
