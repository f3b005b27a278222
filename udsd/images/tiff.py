"""TIFF files of several pages, or of 16-bit colours, written page by page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from udsd.extras import require
from udsd.images.deep import DeepImage, Page
from udsd.images.metadata import XMP_TAG


def write_tiff(pages: Iterable[Page], path: Path) -> None:
    """Write pages of a TIFF, each as it comes, with resolution, profile and XMP of its own."""
    tifffile = require("tifffile", "tifffile")  # here, since few images need it

    with tifffile.TiffWriter(path) as writer:
        for page in pages:
            pixels = page.pixels if isinstance(page, DeepImage) else np.asarray(page)
            channels = pixels.shape[2] if pixels.ndim == 3 else 1
            info = page.info
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
