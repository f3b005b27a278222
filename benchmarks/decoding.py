"""Decode sound files of all kinds with udsd and with ImageMagick, and compare what is seen.

    python benchmarks/decoding.py [FOLDER]

ImageMagick's `convert` makes the files, and decodes them once more; nothing of it is used by udsd. Prints for each kind
how many files there were and the largest difference in levels of 255, and the files that differ by more than one level.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from udsd import UdsdError
from udsd.images import DeepImage, ImagePages

SIZE = (57, 43)
_LEVELS = 255
_CONVERT = shutil.which("convert") or "convert"


def main() -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        return compare(folder)


def compare(folder: Path) -> int:
    """Make the files in a folder, decode each with both, and print the differences."""
    base = folder / "base.png"
    _convert("-size", f"{SIZE[0]}x{SIZE[1]}", "-seed", "7", "plasma:fractal", "-depth", "16", f"png48:{base}")
    differences: dict[str, list[float]] = defaultdict(list)
    other: list[str] = []
    for kind, name, options in files():
        path = folder / name
        if _convert(str(base), *options, str(path)) is None:
            continue  # not every ImageMagick has every format
        try:
            ours = seen(path)
        except UdsdError as error:
            other.append(f"{name}: refused ({str(error).partition(': ')[2]})")
            continue
        theirs = seen_by_imagemagick(path, ours.shape)
        difference = float(np.abs(ours - theirs).max()) * _LEVELS if theirs.shape == ours.shape else float("inf")
        differences[kind].append(difference)
        if difference > 1:
            other.append(f"{name}: {difference:.1f} levels, {' '.join(options)}")
    for kind, found in differences.items():
        print(f"{kind:24} {len(found):4} files, at most {max(found):.3f} levels of {_LEVELS}")
    print(f"{'all':24} {sum(map(len, differences.values())):4} files")
    print(*other, sep="\n")
    return 0


def files() -> Iterator[tuple[str, str, list[str]]]:
    """Of each file its kind, its name, and what ImageMagick is told to make of the picture."""
    number = itertools.count()
    alpha = ["-alpha", "set", "-channel", "A", "-evaluate", "set", "60%", "+channel"]
    types = {
        "grey": ["-colorspace", "Gray"],
        "RGB": ["-type", "TrueColor"],
        "RGBA": [*alpha, "-type", "TrueColorAlpha"],
        "grey and alpha": ["-colorspace", "Gray", *alpha],
    }
    compressions = ("None", "LZW", "Zip", "RLE", "Zstd", "LZMA")
    for (name, options), depth, compression, order in itertools.product(
        types.items(), (8, 16), compressions, ("LSB", "MSB")
    ):
        stored = ["-depth", str(depth), "-compress", compression, "-endian", order]
        yield f"TIFF, {depth} bits, {name}", f"{next(number)}.tif", [*options, *stored]
        yield f"TIFF, {depth} bits, {name}", f"{next(number)}.tif", [*options, *stored, "-interlace", "Plane"]
        if order == "LSB":
            tiles = ["-define", "tiff:tile-geometry=16x16"]
            yield f"TIFF, {depth} bits, {name}", f"{next(number)}.tif", [*options, *stored, *tiles]
    for turn, depth in itertools.product(range(1, 9), (8, 16)):
        yield f"TIFF, {depth} bits, turned", f"{next(number)}.tif", ["-depth", str(depth), "-orient", _TURNS[turn - 1]]
    for compression, photometric in itertools.product(
        ("None", "Group4", "Fax", "LZW"), ("min-is-white", "min-is-black")
    ):
        options = ["-monochrome", "-compress", compression, "-define", f"quantum:polarity={photometric}"]
        yield "TIFF, 1 bit", f"{next(number)}.tif", options
    for colours, compression in itertools.product((2, 4, 16, 200), ("None", "LZW", "Zip")):
        yield "TIFF, palette", f"{next(number)}.tif", ["-colors", str(colours), "-compress", compression]
    for depth, compression, order in itertools.product((2, 4, 12), ("None", "LZW", "Zip", "RLE"), ("LSB", "MSB")):
        grey = ["-colorspace", "Gray", "-depth", str(depth), "-compress", compression, "-endian", order]
        yield f"TIFF, {depth} bits, grey", f"{next(number)}.tif", grey
    for depth, compression in itertools.product((8, 16), ("None", "LZW", "Zip")):
        inks = ["-colorspace", "CMYK", "-depth", str(depth), "-compress", compression]
        yield f"TIFF, {depth} bits, CMYK", f"{next(number)}.tif", inks
    yield from _others(number, types)


def _others(number: Iterator[int], types: dict[str, list[str]]) -> Iterator[tuple[str, str, list[str]]]:
    for (name, options), depth, interlace in itertools.product(types.items(), (8, 16), ("None", "PNG")):
        for level in ("1", "5", "9"):
            stored = ["-depth", str(depth), "-interlace", interlace, "-quality", f"9{level}"]
            yield f"PNG, {depth} bits, {name}", f"{next(number)}.png", [*options, *stored]
    for depth, colours in itertools.product((1, 2, 4, 8), (2, 4, 16, 200)):
        yield "PNG, palette", f"{next(number)}.png", ["-colors", str(colours), "-define", f"png:bit-depth={depth}"]
        grey = ["-colorspace", "Gray", "-depth", str(depth), "-define", f"png:bit-depth={depth}"]
        yield "PNG, grey of few bits", f"{next(number)}.png", [*grey, "-define", "png:color-type=0"]
    for quality, sampling, interlace in itertools.product((30, 80, 95), ("1x1", "2x1", "2x2"), ("None", "JPEG")):
        stored = ["-quality", str(quality), "-sampling-factor", sampling, "-interlace", interlace]
        yield "JPEG, RGB", f"{next(number)}.jpg", stored
        yield "JPEG, grey", f"{next(number)}.jpg", ["-colorspace", "Gray", *stored]
    for turn in range(1, 9):
        yield "PNG, turned", f"{next(number)}.png", ["-depth", "16", "-orient", _TURNS[turn - 1]]
    for (name, options), depth in itertools.product(types.items(), (8, 16)):
        yield f"PAM, {name}", f"{next(number)}.pam", [*options, "-depth", str(depth)]
    for ending, depth, plain in itertools.product(("ppm", "pgm"), (4, 8, 10, 12, 16), ([], ["-compress", "None"])):
        yield f"Netpbm, {depth} bits", f"{next(number)}.{ending}", ["-depth", str(depth), *plain]
    for plain in ([], ["-compress", "None"]):
        yield "Netpbm, 1 bit", f"{next(number)}.pbm", ["-monochrome", *plain]
    for colours, interlace in itertools.product((2, 16, 256), ("None", "GIF")):
        yield "GIF", f"{next(number)}.gif", ["-colors", str(colours), "-interlace", interlace]
        clear = ["-transparent-color", "white", "-fuzz", "20%", "-transparent", "white"]
        yield "GIF, transparent", f"{next(number)}.gif", [*clear, "-colors", str(colours), "-interlace", interlace]
    for options, lossless in itertools.product(types.values(), ("true", "false")):
        for quality in ("50", "90"):
            stored = ["-quality", quality, "-define", f"webp:lossless={lossless}"]
            yield f"WebP, lossless {lossless}", f"{next(number)}.webp", [*options, *stored]
    for options, colours in itertools.product(types.values(), (None, "16", "2")):
        yield "BMP", f"{next(number)}.bmp", [*options, *([] if colours is None else ["-colors", colours])]
    for name, options in types.items():
        yield f"JPEG 2000, {name}", f"{next(number)}.jp2", [*options, "-depth", "8", "-define", "jp2:rate=1"]


_TURNS = ("TopLeft", "TopRight", "BottomRight", "BottomLeft", "LeftTop", "RightTop", "RightBottom", "LeftBottom")


def _convert(*arguments: str) -> bytes | None:
    """What ImageMagick's `convert` writes to its output; None if it fails."""
    done = subprocess.run([_CONVERT, *arguments], capture_output=True, check=False, timeout=60)  # noqa: S603
    return done.stdout if done.returncode == 0 else None


def seen(path: Path) -> NDArray[np.float64]:
    """RGBA (H, W, 4) from 0 to 1 of the first page, as udsd would write it if nothing were restored."""
    with ImagePages(path) as pages:
        page = pages.read(0)
    image = page.encode(page.pixels)
    pixels = image.pixels if isinstance(image, DeepImage) else np.asarray(image)
    values = pixels.reshape(*pixels.shape[:2], -1) / np.iinfo(pixels.dtype).max
    if values.shape[2] in (1, 3):
        values = np.concatenate([values, np.ones_like(values[..., :1])], axis=2)
    return _unseen_apart(values[..., [0, 0, 0, 1]] if values.shape[2] == 2 else values)


def seen_by_imagemagick(path: Path, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The same of ImageMagick."""
    content = _convert(f"{path}[0]", "-auto-orient", "-colorspace", "sRGB", "-depth", "16", "rgba:-")
    values = np.frombuffer(content or b"", np.uint16) / 65535
    return _unseen_apart(values.reshape(shape)) if values.size == np.prod(shape) else values


def _unseen_apart(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is fully transparent has no colour."""
    return np.where(values[..., 3:] == 0, 0, values)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    raise SystemExit(main())
