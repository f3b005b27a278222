"""How the pages of a TIFF are compressed: as they were, where a restored page can be."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from udsd.images import tiff_directories as tags
from udsd.images.tiff_directories import TiffDirectories

DEFLATE, JPEG = "tiff_adobe_deflate", "jpeg"
LOSSLESS_COMPRESSIONS = ("tiff_lzw", DEFLATE, "tiff_deflate", "packbits", "lzma", "zstd")
"""As Pillow calls those that keep any samples."""
_UNCOMPRESSED = ("raw", "tiff_raw_16")
_JPEGS = (JPEG, "tiff_jpeg")
_QUALITY = 95
_JPEG_TABLES = 347
HORIZONTAL = 2
"""The predictor that stores the differences of neighbours."""


def kept_compression(name: Any) -> str | None:
    """How a restored page is compressed, None for not at all.

    What compresses two levels only (Group 3 and 4) cannot hold a restored page, which is grey, nor can what Pillow
    does not write: Deflate takes their place.

    Args:
        name: How the page was compressed, as Pillow calls it.
    """
    if name in LOSSLESS_COMPRESSIONS:
        return str(name)
    if name in _JPEGS:
        return JPEG
    is_known = name in TiffImagePlugin.COMPRESSION_INFO.values() and name not in _UNCOMPRESSED
    return DEFLATE if is_known else None


def compression_arguments(image: Image.Image, quality: int | None) -> dict[str, Any]:
    """Arguments of `PIL.Image.Image.save` that compress a TIFF of one page as `kept_compression` says.

    Args:
        image: The page, whose ``info`` has ``compression`` and ``predictor``.
        quality: 1 to 100, for JPEG.
    """
    compression = _fitting(image.info, image.mode in ("L", "RGB"))
    if compression is None:
        return {}
    arguments: dict[str, Any] = {"compression": compression}
    if compression == JPEG:
        arguments["quality"] = quality or _QUALITY
    elif _has_predictor(image.info, compression):
        arguments["tiffinfo"] = {tags.PREDICTOR: HORIZONTAL}
    return arguments


@dataclass(frozen=True, slots=True)
class Stored:
    """A page's compressed strips.

    Attributes:
        strips: Their bytes.
        rows: Of a strip.
        compression: As TIFF numbers it.
        predictor: As TIFF numbers it.
        tables: What all strips of a JPEG share.
    """

    strips: Sequence[bytes]
    rows: int
    compression: int
    predictor: int
    tables: bytes


def stored(pixels: NDArray[Any], info: Mapping[Any, Any], quality: int | None) -> Stored | None:
    """The strips of a page that is compressed as `kept_compression` says, or None if it is not.

    Args:
        pixels: uint8 or uint16 (H, W) or (H, W, C).
        info: What is carried over, with ``compression`` and ``predictor``.
        quality: 1 to 100, for JPEG.
    """
    compression = _fitting(info, pixels.dtype == np.uint8 and (pixels.ndim == 2 or pixels.shape[2] == 3))
    if compression is None:
        return None
    predictor = HORIZONTAL if _has_predictor(info, compression) else 1
    if compression == JPEG:
        return _by_libtiff(Image.fromarray(pixels), compression, predictor, {"quality": quality or _QUALITY})
    if predictor == HORIZONTAL:
        pixels = np.concatenate([pixels[:, :1], pixels[:, 1:] - pixels[:, :-1]], axis=1)
    # libtiff has the bytes of a row as grey pixels; what they mean is nothing to the compression.
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(len(pixels), -1)
    return _by_libtiff(Image.fromarray(rows), compression, predictor, {})


def number_compressions(path: Path, numbers: Sequence[int]) -> None:
    """Say in a finished TIFF how each of its pages is compressed; 0 leaves what is said.

    tifffile takes strips that are compressed already, but not the number of a compression for which it lacks a package.
    """
    if not any(numbers):
        return
    with path.open("r+b") as file:
        tiff = TiffDirectories(file)
        for page, number in zip(tiff.pages, numbers, strict=True):
            if number:
                file.seek(page[tags.COMPRESSION].offset)
                file.write(struct.pack(f"{tiff.order}H", number))


def _fitting(info: Mapping[Any, Any], can_be_jpeg: bool) -> str | None:
    compression = kept_compression(info.get("compression"))
    return DEFLATE if compression == JPEG and not can_be_jpeg else compression


def _has_predictor(info: Mapping[Any, Any], compression: str) -> bool:
    return info.get("predictor") == HORIZONTAL and compression not in (JPEG, "packbits")


def _by_libtiff(image: Image.Image, compression: str, predictor: int, options: dict[str, Any]) -> Stored:
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", compression=compression, **options)
    tiff = TiffDirectories(buffer)
    (page,) = tiff.pages
    strips = zip(tiff.numbers(page, tags.STRIP_OFFSETS), tiff.numbers(page, tags.STRIP_BYTES), strict=True)
    tables = page.get(_JPEG_TABLES)
    return Stored(
        [tiff.read(offset, length) for offset, length in strips],
        tiff.number(page, tags.ROWS_PER_STRIP, image.height),
        tiff.number(page, tags.COMPRESSION),
        predictor,
        b"" if tables is None else tiff.content(tables),
    )
