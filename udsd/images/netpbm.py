"""Netpbm files that Pillow reads with 8 bits, or not at all: colours of more than 8 bits, and PAM.

The formats are Netpbm's PGM, PPM (plain and raw) and PAM: https://netpbm.sourceforge.net/doc/
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from udsd.errors import ImageError
from udsd.images.arrays import decode_array
from udsd.images.decoded import DecodedImage
from udsd.images.deep import DeepImage, Page
from udsd.images.families import Destination, PageReader, PageWriter
from udsd.images.formats import ImageFormat
from udsd.images.limits import check_pixels
from udsd.images.modes import to_restorable
from udsd.images.pillow import decode_deep, with_info

logger = logging.getLogger(__name__)

_HEADER_BYTES = 2**16
_PART = 2**20
"""Bytes of plain numbers that are read at a time."""
_SPACES = bytes.maketrans(b"\t\n\v\f\r", b"     ")
_WHITE = 65535
_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
_HEADER = re.compile(rb"P([2356])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})\s")
_PAM_HEADER = re.compile(rb"P7[ \t]*\r?\n((?:[^\n]*\n)*?)ENDHDR[ \t]*\r?\n")
_PLAIN, _COLOURED = (b"2", b"3"), (b"3", b"6")
_TUPLES = {
    1: ("", "BLACKANDWHITE", "GRAYSCALE"),
    2: ("", "BLACKANDWHITE_ALPHA", "GRAYSCALE_ALPHA"),
    3: ("", "RGB"),
    4: ("", "RGB_ALPHA"),
}
"""What the samples of a pixel of a PAM may be; the last is written."""


@dataclass(frozen=True, slots=True)
class _Header:
    """What a file says before its samples, which begin at ``start``; ``largest`` is white."""

    width: int
    height: int
    channels: int
    largest: int
    start: int
    is_plain: bool = False


def open_netpbm(file: BinaryIO, path: Path) -> PageReader | None:
    """A reader of a PAM, or of a PGM or PPM of more than 8 bits; None for another file.

    Raises:
        ImageError: It is a PAM of a kind that is not read.
        ValueError: Its header is damaged.
    """
    start = file.read(_HEADER_BYTES)
    if start[:2] == b"P7" and start[2:3].isspace():
        return NetpbmReader(file, _pam_header(start))
    found = _HEADER.match(start)
    if found is None or int(found[4]) <= 255:
        return None
    width, height, largest = (int(found[group]) for group in (2, 3, 4))
    channels = 3 if found[1] in _COLOURED else 1
    return NetpbmReader(file, _Header(width, height, channels, largest, found.end(), found[1] in _PLAIN))


class NetpbmReader:
    """The one page of such a file: a `udsd.images.families.PageReader`.

    Args:
        file: The file.
        header: What it says of itself.

    Raises:
        ValueError: White is not from 1 to 65535.
    """

    count = 1

    def __init__(self, file: BinaryIO, header: _Header) -> None:
        if not 1 <= header.largest <= _WHITE:
            raise ValueError(f"its white is {header.largest}")
        self._file = file
        self._header = header
        self.size = (header.width, header.height)

    def read(self, index: int) -> DecodedImage[Page]:
        """Decode the page, which is 0."""
        header = self._header
        if not header.width or not header.height:
            raise ImageError(f"the image is empty ({header.width}x{header.height}); give one of at least 1x1 pixels")
        check_pixels(header.width * header.height)
        count = header.width * header.height * header.channels
        self._file.seek(header.start)
        samples = _plain_samples(self._file, count) if header.is_plain else _raw_samples(self._file, header, count)
        pixels = _stretched(samples, header.largest).reshape(header.height, header.width, header.channels)
        info: dict[str, Any] = {}
        if header.channels == 1:
            pixels = pixels[..., 0]
        elif pixels.dtype == np.uint16:
            return decode_deep(pixels, info)
        return decode_array(pixels).then(lambda restored: with_info(restored, info))

    def check_all(self) -> None:
        """There is one page."""

    def close(self) -> None:
        """Nothing is held."""


def _pam_header(start: bytes) -> _Header:
    found = _PAM_HEADER.match(start)
    if found is None:
        raise ValueError("the header of a PAM has no end")
    lines = [line.split(None, 1) for line in found[1].decode(errors="replace").splitlines() if not line.startswith("#")]
    values = {line[0].upper(): line[1].strip() for line in lines if len(line) == 2}
    try:
        width, height, channels, largest = (int(values[key]) for key in ("WIDTH", "HEIGHT", "DEPTH", "MAXVAL"))
    except (KeyError, ValueError) as error:
        raise ValueError("the header of a PAM lacks a number") from error
    kind = values.get("TUPLTYPE", "").upper()
    if kind not in _TUPLES.get(channels, ()):
        raise ImageError(f"a PAM of {channels} channels {kind} is not read; save it as GRAYSCALE, RGB or with _ALPHA")
    if min(width, height) < 0:
        raise ValueError("a negative size")
    return _Header(width, height, channels, largest, found.end())


def _raw_samples(file: BinaryIO, header: _Header, count: int) -> NDArray[Any]:
    dtype = np.dtype(np.uint8 if header.largest <= 255 else ">u2")
    content = file.read(count * dtype.itemsize)
    if len(content) < count * dtype.itemsize:
        raise ValueError(f"{len(content)} of {count * dtype.itemsize} bytes")
    return np.frombuffer(content, dtype)


def _plain_samples(file: BinaryIO, count: int) -> NDArray[Any]:
    """Numbers in letters, read a part at a time."""
    samples = np.empty(count, np.int64)
    known, cut = 0, b""
    while known < count:
        part = file.read(_PART)
        # The last number may go on in the next part.
        *numbers, cut = (cut + part + (b"" if part else b" ")).translate(_SPACES).split(b" ")
        words = b" ".join(numbers).split()[: count - known]
        samples[known : known + len(words)] = [int(word) for word in words]
        known += len(words)
        if not part and known < count:
            raise ValueError(f"{known} of {count} numbers")
        if len(cut) > _PART:
            raise ValueError("no numbers")
    return samples


def _stretched(samples: NDArray[Any], largest: int) -> NDArray[Any]:
    """Samples up to ``largest`` over the whole range of uint8 or uint16; larger ones are white."""
    white = 255 if largest <= 255 else _WHITE
    if samples.size and (samples.min() < 0 or samples.max() > largest):
        samples = np.clip(samples, 0, largest)
    levels = np.rint(np.arange(largest + 1) * (white / largest)).astype(np.uint8 if white == 255 else np.uint16)
    stretched: NDArray[Any] = levels[samples]
    return stretched


def _write(pages: Iterable[Page], destination: Destination) -> None:
    """Write the one page as a PAM, or its colours of 16 bits as a PPM."""
    (page,) = pages
    pixels = page.pixels if isinstance(page, DeepImage) else np.asarray(to_restorable(page))
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if destination.image_format.name == "PPM" and pixels.shape[2] == 4:
        logger.warning("%s: PPM holds no transparency; the image is put on white", destination.path)
        pixels = _over_white(pixels)
    height, width, channels = pixels.shape
    largest = int(np.iinfo(pixels.dtype).max)
    if destination.image_format.name == "PPM":
        header = f"P6\n{width} {height}\n{largest}\n"
    else:
        kind = _TUPLES[channels][-1]
        header = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL {largest}\nTUPLTYPE {kind}\nENDHDR\n"
    with destination.unfinished.open("xb") as file:
        file.write(header.encode())
        file.write(pixels.astype(pixels.dtype.newbyteorder(">")).tobytes())


def _over_white(pixels: NDArray[Any]) -> NDArray[Any]:
    alpha = pixels[..., 3:] / _WHITE
    seen: NDArray[Any] = np.rint(pixels[..., :3] * alpha + _WHITE * (1 - alpha)).astype(np.uint16)
    return seen


def _takes(image_format: ImageFormat, first: Page, several: bool) -> bool:
    return image_format.name == "PAM" or (image_format.name == "PPM" and isinstance(first, DeepImage))


NETPBM_WRITER = PageWriter(_takes, _write)
