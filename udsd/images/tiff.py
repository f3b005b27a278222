"""tifffile as a writer of TIFF files of several pages, of colours of 16 bits, or of more than 4 GB, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import numpy as np

from udsd.extras import require
from udsd.images.bigtiff import promote
from udsd.images.deep import DeepImage, Page
from udsd.images.families import Destination, PageWriter
from udsd.images.formats import ImageFormat
from udsd.images.metadata import TagsOfPages, add_beside
from udsd.images.modes import to_restorable
from udsd.images.tiff_compression import number_compressions, stored

_ZLIB = 8
_JPEG_TABLES, _UNDEFINED = 347, 7
_CLASSIC_BYTES = 2**32 - 2**25
"""What a TIFF may have, and more a BigTIFF: offsets have 4 bytes, and directories must fit behind the pixels."""


def _write(pages: Iterable[Page], destination: Destination) -> None:
    """Write pages of a TIFF, each as it comes, with resolution, profile and tags of its own."""
    tifffile = require("tifffile", "tifffile")  # here, since few images need it
    path = destination.unfinished
    compressions, beside = [], TagsOfPages()
    with ExitStack() as opened:
        writer, is_big = opened.enter_context(tifffile.TiffWriter(path)), False
        for page in pages:
            shown = page if isinstance(page, DeepImage) else to_restorable(page)
            if not is_big and path.stat().st_size + _most_bytes(shown) > _CLASSIC_BYTES:
                opened.close()
                promote(path)
                writer, is_big = opened.enter_context(tifffile.TiffWriter(path, append=True)), True
            compressions.append(_write_page(writer, shown, destination.quality))
            beside.add(page.info)
    number_compressions(path, compressions)
    add_beside(path, "TIFF", beside.infos, str(destination.path))


def _write_page(writer: Any, page: Page, quality: int | None) -> int:
    """Write a page, and tell the number of its compression; 0 if it has none."""
    pixels = page.pixels if isinstance(page, DeepImage) else np.asarray(page)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    info = page.info
    compressed = stored(pixels, info, quality)
    tables = b"" if compressed is None else compressed.tables
    writer.write(
        pixels if compressed is None else iter(compressed.strips),
        shape=pixels.shape,
        dtype=pixels.dtype,
        photometric="minisblack" if channels <= 2 else "rgb",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        iccprofile=info.get("icc_profile"),
        resolution=info.get("dpi"),
        resolutionunit="INCH" if "dpi" in info else None,
        extratags=[(_JPEG_TABLES, _UNDEFINED, len(tables), tables, True)] if tables else [],
        software=False,
        # Whatever it is: tifffile knows few of them without a further package.
        compression=None if compressed is None else "zlib",
        predictor=None if compressed is None else compressed.predictor,
        rowsperstrip=None if compressed is None else compressed.rows,
        metadata=None,
    )
    return 0 if compressed is None or compressed.compression == _ZLIB else compressed.compression


def _most_bytes(page: Page) -> int:
    """How long a page may be in the file, its directory aside; LZW makes noise half as long again."""
    info = page.info
    return _pixel_bytes(page) * 3 // (2 if "compression" in info else 3) + len(info.get("icc_profile", b""))


def _pixel_bytes(page: Page) -> int:
    if isinstance(page, DeepImage):
        return page.pixels.nbytes
    return page.width * page.height * (2 if page.mode.startswith("I") else len(page.getbands()))


def _takes(image_format: ImageFormat, first: Page, several: bool) -> bool:
    is_large = several or isinstance(first, DeepImage) or _pixel_bytes(first) > _CLASSIC_BYTES
    return image_format.name == "TIFF" and is_large


TIFF_WRITER = PageWriter(_takes, _write)
