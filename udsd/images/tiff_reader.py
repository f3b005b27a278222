"""TIFF files: their pages are found by their directories; colours of 16 bits are read here, all else by Pillow."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from udsd.errors import ImageError, UdsdError
from udsd.images import tiff_directories as tags
from udsd.images.arrays import decode_array
from udsd.images.decoded import DecodedImage
from udsd.images.deep import Page
from udsd.images.families import PageReader
from udsd.images.limits import check_decoded, check_pixels
from udsd.images.metadata import carried, found_in_tiff, orientation_of
from udsd.images.opencv import turned
from udsd.images.pillow import PillowReader, decode_deep, with_info
from udsd.images.tiff_directories import Entry, TiffDirectories
from udsd.images.tiff_samples import COMMON_COMPRESSIONS, read_samples
from udsd.images.tiff_single import page_alone
from udsd.out_of_memory import is_out_of_memory

logger = logging.getLogger(__name__)

_GREY_WHITE_IS_ZERO, _GREY, _RGB = 0, 1, 2
_ASSOCIATED_ALPHA = 1
_WHITE = 65535


def open_tiff(file: BinaryIO, path: Path) -> PageReader | None:
    """A reader of a TIFF file, None for another."""
    return TiffReader(file, path) if tags.is_tiff(file.read(4)) else None


class TiffReader:
    """The pages of a TIFF: a `udsd.images.families.PageReader`.

    Args:
        file: The file.
        path: For messages.

    Raises:
        Exception: As `udsd.images.tiff_directories.TiffDirectories` and Pillow raise on a file that they cannot read.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._tiff = TiffDirectories(file)
        self._pillow: PillowReader | None = None
        self.count = len(self._tiff.pages)
        if self.count == 0:
            raise ValueError("a TIFF without pages")
        first = self._tiff.pages[0]
        self._first_found: dict[str, Any] | None = None
        if not _is_deep(self._tiff, first):
            self._first_found = found_in_tiff(self._tiff, first, str(path))
            self._check_opened(first, self._first_found)
        self.size = (self._tiff.number(first, tags.WIDTH), self._tiff.number(first, tags.HEIGHT))

    def read(self, index: int) -> DecodedImage[Page]:
        """Decode a page, the first being 0."""
        page = self._tiff.pages[index]
        found = self._first_found if index == 0 else None
        found = found or found_in_tiff(self._tiff, page, str(self._path))
        if not _is_deep(self._tiff, page):
            return self._read_by_pillow(index, found)
        try:
            pixels = _read_pixels(self._tiff, page)
        except ValueError as error:
            # Pillow would take white for black.
            if self._tiff.number(page, tags.PHOTOMETRIC) == _GREY_WHITE_IS_ZERO:
                raise
            logger.warning("%s: of its 16 bits per colour 8 are read (%s)", self._path, error)
            return self._read_by_pillow(index, found)
        pixels = turned(pixels, orientation_of(found))
        info = carried(found, str(self._path), size=pixels.shape[1::-1])
        if pixels.shape[2] > 1:
            return decode_deep(pixels, info)
        return decode_array(pixels[..., 0]).then(lambda restored: with_info(restored, info))

    def check_all(self) -> None:
        """Pages are written as they come, but many may share the same few bytes."""
        sizes = (
            (self._tiff.number(page, tags.WIDTH), self._tiff.number(page, tags.HEIGHT)) for page in self._tiff.pages
        )
        check_decoded(sum(width * height for width, height in sizes), f"its {self.count} pages")

    def close(self) -> None:
        """Let go of what Pillow holds."""
        if self._pillow is not None:
            self._pillow.close()

    def _read_by_pillow(self, index: int, found: Mapping[str, Any]) -> DecodedImage[Page]:
        """Decode a page by Pillow, if need be without what describes it, over which Pillow stumbles or warns."""
        page = self._tiff.pages[index]
        if found["is_sound"] and not self._tiff.is_endless:
            try:
                return self._open_pillow().read(index, found)
            except Exception as error:
                if _is_final(error):
                    raise
        return self._alone(page).read(0, found)

    def _alone(self, page: dict[int, Entry]) -> PillowReader:
        return PillowReader(io.BytesIO(page_alone(self._tiff, page)), self._path, 1)

    def _check_opened(self, page: dict[int, Entry], found: Mapping[str, Any]) -> None:
        """Raise now what Pillow raises of a file that it cannot read."""
        if found["is_sound"] and not self._tiff.is_endless:
            try:
                self._open_pillow()
            except Exception as error:
                if _is_final(error):
                    raise
            else:
                return
        self._alone(page)

    def _open_pillow(self) -> PillowReader:
        if self._pillow is None:
            self._file.seek(0)
            self._pillow = PillowReader(self._file, self._path, self.count)
        return self._pillow


def _is_final(error: Exception) -> bool:
    """Whether it is about pixels or memory, so that without the tags beside them it would be no better."""
    return isinstance(error, UdsdError | Image.DecompressionBombError) or is_out_of_memory(error)


def _is_deep(tiff: TiffDirectories, page: dict[int, Entry]) -> bool:
    """Whether it has 16 bits a sample. Grey in a compression that OpenCV does not know is left to Pillow."""
    photometric = tiff.number(page, tags.PHOTOMETRIC)
    samples = tiff.number(page, tags.SAMPLES, 1)
    plain = {_GREY_WHITE_IS_ZERO: 1, _GREY: 1, _RGB: 3}.get(photometric, 0)
    return (
        set(tiff.numbers(page, tags.BITS, (1,))) == {16}
        and set(tiff.numbers(page, tags.SAMPLE_FORMAT, (1,))) == {1}
        and tiff.number(page, tags.FILL_ORDER, 1) == 1
        and samples in (plain, plain + 1)
        and ((photometric, samples) != (_GREY, 1) or tiff.number(page, tags.COMPRESSION, 1) in COMMON_COMPRESSIONS)
    )


def _read_pixels(tiff: TiffDirectories, page: dict[int, Entry]) -> NDArray[np.uint16]:
    """Pixels (H, W, C) as stored: grey, grey and alpha, RGB or RGBA for C = 1, 2, 3, 4, black being 0.

    Alpha that the colours were multiplied by is divided out.

    Raises:
        ImageError: The page is empty.
        DecompressionBombError: It is too large.
        ValueError: It is damaged, or compressed in a way that OpenCV does not know.
    """
    width, height = tiff.number(page, tags.WIDTH), tiff.number(page, tags.HEIGHT)
    if not width or not height:
        raise ImageError(f"the image is empty ({width}x{height}); give one of at least 1x1 pixels")
    check_pixels(width * height)
    pixels = read_samples(tiff, page, width, height, tiff.number(page, tags.SAMPLES, 1))
    if tiff.number(page, tags.PHOTOMETRIC) == _GREY_WHITE_IS_ZERO:
        pixels[..., 0] ^= _WHITE
    if tiff.number(page, tags.EXTRA_SAMPLES) == _ASSOCIATED_ALPHA:
        alpha = np.maximum(pixels[..., -1:], 1).astype(np.float32)
        pixels[..., :-1] = np.minimum(np.rint(pixels[..., :-1] * (_WHITE / alpha)), _WHITE)
    return pixels
