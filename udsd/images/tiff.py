"""tifffile as a writer of TIFF files of several pages, or of colours of 16 bits, page by page."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from udsd.extras import require
from udsd.images.deep import DeepImage, Page
from udsd.images.families import Destination, PageWriter
from udsd.images.formats import ImageFormat
from udsd.images.metadata import XMP_TAG
from udsd.images.modes import to_restorable


def _write(pages: Iterable[Page], destination: Destination) -> None:
    """Write pages of a TIFF, each as it comes, with resolution, profile and XMP of its own."""
    tifffile = require("tifffile", "tifffile")  # here, since few images need it
    with tifffile.TiffWriter(destination.unfinished) as writer:
        for page in pages:
            shown = page if isinstance(page, DeepImage) else to_restorable(page)
            pixels = shown.pixels if isinstance(shown, DeepImage) else np.asarray(shown)
            channels = pixels.shape[2] if pixels.ndim == 3 else 1
            info = shown.info
            writer.write(
                pixels,
                photometric="minisblack" if channels <= 2 else "rgb",
                planarconfig="contig" if channels > 1 else None,
                extrasamples=["unassalpha"] if channels in (2, 4) else None,
                iccprofile=info.get("icc_profile"),
                resolution=info.get("dpi"),
                resolutionunit="INCH" if "dpi" in info else None,
                extratags=[(XMP_TAG, "B", len(info["xmp"]), info["xmp"], True)] if "xmp" in info else [],
                # Of its lossless methods the one that needs no further package.
                compression="zlib" if "compression" in info else None,
                metadata=None,
            )


def _takes(image_format: ImageFormat, first: Page, several: bool) -> bool:
    return image_format.name == "TIFF" and (several or isinstance(first, DeepImage))


TIFF_WRITER = PageWriter(_takes, _write)
