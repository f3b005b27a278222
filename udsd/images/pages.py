"""Image files as a row of pages: nearly always one, but TIFF has pages, and GIF, PNG, WebP and AVIF have frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from udsd.images.decode import check_size, named_errors, opened
from udsd.images.decoded import DecodedImage
from udsd.images.deep import Page
from udsd.images.pillow import count_pages, decode_page


class ImagePages:
    """The pages of an image file, decoded one after another when they are asked for.

    Every page remembers what it came from: its `DecodedImage.encode` gives a Pillow image, or a `DeepImage` for colours
    of 16 bits.

    Args:
        path: The file.

    Attributes:
        count: Number of pages.
        pixels: Of the first page, as its header says.

    Raises:
        ImageError: The file is missing, damaged, too large or no image (a later page raises it when it is reached).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with named_errors(str(path)), opened(path) as image:
            self.count = count_pages(image)
            self.pixels = image.width * image.height

    def __iter__(self) -> Iterator[DecodedImage[Page]]:
        with named_errors(str(self.path)), opened(self.path) as image:
            for index in range(self.count):
                image.seek(index)
                check_size(image)
                yield decode_page(image, self.path, index)
