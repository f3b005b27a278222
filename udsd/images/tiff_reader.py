"""TIFF files: their pages are found by their directories; colours of 16 bits are read here, all else by Pillow."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from udsd.errors import ImageError, UdsdError
from udsd.images import tiff_directories as tags
from udsd.images.arrays import decode_array
from udsd.images.decoded import DecodedImage
from udsd.images.deep import Page
from udsd.images.deep_png import turned
from udsd.images.families import PageReader
from udsd.images.limits import check_decoded, check_pixels
from udsd.images.metadata import carried, found_in_tiff, orientation_of
from udsd.images.pillow import PillowReader, decode_deep, decode_pillow, with_info
from udsd.images.tiff_directories import Entry, TiffDirectories
from udsd.images.tiff_samples import LOSSLESS, UNCOMPRESSED, Samples, read_samples
from udsd.images.tiff_single import page_alone
from udsd.out_of_memory import is_out_of_memory

logger = logging.getLogger(__name__)

_GREY_WHITE_IS_ZERO, _GREY, _RGB, _INKS = 0, 1, 2, 5
_COLOURS = {_GREY_WHITE_IS_ZERO: 1, _GREY: 1, _RGB: 3, _INKS: 4}
"""Samples of a pixel, alpha aside."""
_LAB = (8, 9)
_UNKNOWN = -1
_SIGNED = 2
_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA = 1, 2


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
        if not _is_read_here(self._tiff, first):
            self._first_found = found_in_tiff(self._tiff, first, str(path))
            self._check_opened(first, self._first_found)
        self.size = (self._tiff.number(first, tags.WIDTH), self._tiff.number(first, tags.HEIGHT))

    def read(self, index: int) -> DecodedImage[Page]:
        """Decode a page, the first being 0."""
        page = self._tiff.pages[index]
        found = self._first_found if index == 0 else None
        found = found or found_in_tiff(self._tiff, page, str(self._path))
        if not _is_read_here(self._tiff, page):
            _check_not_garbled(self._tiff, page)
            return self._read_by_pillow(index, found)
        pixels = turned(_read_pixels(self._tiff, page, str(self._path)), orientation_of(found))
        info = carried(found, str(self._path), size=pixels.shape[1::-1])
        if self._tiff.number(page, tags.PHOTOMETRIC) == _INKS:
            return self._decode_inks(pixels, found)
        if pixels.shape[2] == 1:
            pixels = pixels[..., 0]
        elif pixels.dtype == np.uint16:
            return decode_deep(pixels, info)
        return decode_array(pixels).then(lambda restored: with_info(restored, info))

    def _decode_inks(self, pixels: Samples, found: Mapping[str, Any]) -> DecodedImage[Page]:
        """Pillow has inks of 8 bits, and makes sRGB of them by their profile."""
        if pixels.dtype == np.uint16:
            logger.warning("%s: of the 16 bits of its inks 8 are read", self._path)
            pixels = np.rint(pixels / 257).astype(np.uint8)
        inks = Image.frombytes("CMYK", pixels.shape[1::-1], pixels.tobytes())
        info = carried(found, str(self._path), size=inks.size, is_converted=True)
        info.pop("icc_profile", None)

        def with_what_is_said(restored: Image.Image) -> Page:
            restored.info.clear()
            restored.info.update(info)
            return restored

        # It is upright already.
        return decode_pillow(inks, str(self._path), {"icc_profile": found.get("icc_profile")}).then(with_what_is_said)

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


def _is_read_here(tiff: TiffDirectories, page: dict[int, Entry]) -> bool:
    """Whether a page is of whole numbers that Pillow would garble, round or not know: its samples are read here."""
    photometric = tiff.number(page, tags.PHOTOMETRIC, _UNKNOWN)
    bits = tiff.numbers(page, tags.BITS, (1,))
    samples = tiff.number(page, tags.SAMPLES, 1)
    if (
        photometric not in _COLOURS
        or len(set(bits)) != 1
        or not 1 <= bits[0] <= 16
        or set(tiff.numbers(page, tags.SAMPLE_FORMAT, (1,))) != {1}
        or tiff.number(page, tags.COMPRESSION, UNCOMPRESSED) not in LOSSLESS
    ):
        return False
    # Of up to 8 bits Pillow knows what is usual.
    is_usual = bits[0] == 8 or samples == 1
    has_alpha_of_grey = photometric in (_GREY_WHITE_IS_ZERO, _GREY) and samples > 1
    is_planar = samples > 1 and tiff.number(page, tags.PLANAR, 1) != 1
    is_reversed = tiff.number(page, tags.FILL_ORDER, 1) != 1
    return bits[0] > 8 or not is_usual or has_alpha_of_grey or is_planar or is_reversed


def _check_not_garbled(tiff: TiffDirectories, page: dict[int, Entry]) -> None:
    """Refuse what Pillow takes for something else.

    Raises:
        ImageError: The page is of signed bytes, or of Lab in planes.
    """
    if tiff.number(page, tags.SAMPLE_FORMAT, 1) == _SIGNED and tiff.number(page, tags.BITS, 1) == 8:
        raise ImageError("signed whole numbers have no fixed black and white; save it with unsigned ones")
    if tiff.number(page, tags.PHOTOMETRIC) in _LAB and tiff.number(page, tags.PLANAR, 1) != 1:
        raise ImageError("Lab in separate planes is not read; save it with its channels together, or as RGB")


def _read_pixels(tiff: TiffDirectories, page: dict[int, Entry], name: str) -> Samples:
    """Pixels (H, W, C): grey, grey and alpha, RGB, RGBA for C = 1, 2, 3, 4, black being 0; or inks.

    They fill the range of their dtype. Alpha that the colours were multiplied by is divided out.

    Raises:
        ImageError: The page is empty, or has samples that are not known.
        DecompressionBombError: It is too large.
        ValueError: It is damaged, or stored in a way that is not read.
    """
    width, height = tiff.number(page, tags.WIDTH), tiff.number(page, tags.HEIGHT)
    if not width or not height:
        raise ImageError(f"the image is empty ({width}x{height}); give one of at least 1x1 pixels")
    check_pixels(width * height)
    photometric = tiff.number(page, tags.PHOTOMETRIC)
    samples, colours = tiff.number(page, tags.SAMPLES, 1), _COLOURS[photometric]
    if samples not in (colours, colours + 1):
        raise ImageError(f"pixels of {samples} samples are not read; save it as grey or RGB, with or without alpha")
    bits = tiff.number(page, tags.BITS, 1)
    # Where nothing is said of what lies besides the colours, it is alpha.
    extra = tiff.number(page, tags.EXTRA_SAMPLES, _UNASSOCIATED_ALPHA)
    has_alpha = samples > colours and extra in (_ASSOCIATED_ALPHA, _UNASSOCIATED_ALPHA)
    if has_alpha and photometric == _INKS:
        raise ImageError("CMYK with transparency is not read; save it as RGB with transparency")
    stored = read_samples(tiff, page, width, height, samples, bits)
    if photometric == _GREY_WHITE_IS_ZERO:
        stored[..., 0] = 2**bits - 1 - stored[..., 0]
    pixels = _stretched(stored, bits)
    if samples == colours:
        return pixels
    if not has_alpha:
        logger.warning("%s: a channel besides the colours is left out", name)
        return pixels[..., :colours].copy()
    if extra == _ASSOCIATED_ALPHA:
        white = np.iinfo(pixels.dtype).max
        alpha = np.maximum(stored[..., -1:], 1).astype(np.float32)
        pixels[..., :-1] = np.minimum(np.rint(stored[..., :-1] * (white / alpha)), white)
    return pixels


def _stretched(samples: Samples, bits: int) -> Samples:
    """Samples of so many bits over the whole range of their dtype, rounded to nearest."""
    if bits in (8, 16):
        return samples
    white, largest = int(np.iinfo(samples.dtype).max), 2**bits - 1
    levels = np.rint(np.arange(largest + 1) * (white / largest)).astype(samples.dtype)
    stretched: Samples = levels[samples]
    return stretched
