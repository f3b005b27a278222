"""Images to read and write in tests, and the way through a file and back."""

from __future__ import annotations

import functools
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from udsd.images import ImagePages, decode_image, save_pages

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF/></x:xmpmeta>"
ORIENTATION = 0x0112
MAKER = 0x010F


def opened(path: Path) -> Image.Image:
    """The image of a file, loaded, the file closed."""
    with Image.open(path) as image:
        image.load()
        return image


def colourful(size: tuple[int, int] = (48, 32)) -> Image.Image:
    """RGB with soft structure in every channel."""
    y, x = np.mgrid[: size[1], : size[0]]
    channels = [127 + 120 * np.sin(x / 9), 127 + 120 * np.cos(y / 7), 127 + 100 * np.sin((x + y) / 8)]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def random_image(mode: str, size: tuple[int, int] = (9, 6)) -> Image.Image:
    """Noise in mode L, LA, RGB, RGBA or I;16."""
    rng = np.random.default_rng(0)
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, size[::-1]).astype(np.uint16))
    channels = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,)}[mode]
    return Image.fromarray(rng.integers(0, 256, (*size[::-1], *channels)).astype(np.uint8))


def deep_pixels(channels: int = 3, size: tuple[int, int] = (20, 30)) -> NDArray[np.uint16]:
    """Noise of 16 bits (H, W, C)."""
    return np.random.default_rng(0).integers(0, 65536, (*size, channels)).astype(np.uint16)


def deep_png(pixels: NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits of pixels (H, W, C): grey and alpha, RGB or RGBA."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def with_info(image: Image.Image, **info: object) -> Image.Image:
    """The image, which says more beside its pixels."""
    image.info.update(info)
    return image


@functools.cache
def srgb_profile() -> bytes:
    """The profile, always the same: it holds the second in which it was made."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def turned_exif(orientation: int = 6) -> Image.Exif:
    """EXIF of a camera that was held sideways."""
    made = Image.Exif()
    made[MAKER] = "Box"
    made[ORIENTATION] = orientation
    return made


def identity(image: Image.Image | Path) -> Image.Image:
    """The image as it comes back if nothing restores it."""
    decoded = decode_image(image)
    return decoded.encode(decoded.pixels)


def through(source: Path, target: Path) -> Path:
    """Decode all pages of a file and write them, unchanged, to another."""
    save_pages((page.encode(page.pixels) for page in ImagePages(source)), target)
    return target


def pages_of_tiff(folder: Path) -> Path:
    """A TIFF of three pages of different sizes and modes."""
    pages = [colourful(), colourful((20, 60)).convert("L"), colourful((33, 17)).convert("RGBA")]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw", dpi=(300, 300))
    return folder / "pages.tif"
