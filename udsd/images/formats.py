"""The file formats that are read and written."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from udsd.errors import ImageError
from udsd.extras import find, install_command
from udsd.images.tiff_directories import is_tiff

_ALL_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """A file format as Pillow knows it.

    Attributes:
        name: Pillow's name.
        suffixes: File name endings, in lower case.
        modes: Pillow modes that a file can hold.
        save_options: Passed to `PIL.Image.Image.save`.
        pages: Whether a file can hold several pages, be they frames of an animation.
        by_pillow: Whether Pillow writes it; a format that it does not know has a writer in `udsd.images.saving`.
    """

    name: str
    suffixes: tuple[str, ...]
    modes: frozenset[str]
    save_options: Mapping[str, Any] = field(default_factory=dict)
    pages: bool = False
    by_pillow: bool = True


FORMATS = (
    ImageFormat("PNG", (".png", ".apng"), _ALL_MODES, pages=True),
    ImageFormat(
        "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), frozenset({"L", "RGB", "CMYK"}), {"quality": 95, "subsampling": 0}
    ),
    ImageFormat("TIFF", (".tif", ".tiff"), _ALL_MODES | {"CMYK"}, pages=True),
    ImageFormat("WEBP", (".webp",), frozenset({"RGB", "RGBA"}), {"quality": 95}, pages=True),
    ImageFormat("BMP", (".bmp", ".dib"), frozenset({"1", "L", "P", "RGB"})),
    ImageFormat("PPM", (".ppm", ".pgm", ".pbm", ".pnm"), frozenset({"1", "L", "RGB", "I;16"})),
    ImageFormat("PAM", (".pam",), frozenset({"L", "LA", "RGB", "RGBA", "I;16"}), by_pillow=False),
    ImageFormat("GIF", (".gif",), frozenset({"1", "L", "P", "RGB", "RGBA"}), pages=True),
    ImageFormat("JPEG2000", (".jp2", ".j2k", ".jpx"), frozenset({"L", "LA", "RGB", "RGBA", "I;16"})),
    ImageFormat("AVIF", (".avif",), frozenset({"L", "RGB", "RGBA"}), {"quality": 95}, pages=True),
    ImageFormat("HEIF", (".heic", ".heif"), frozenset({"L", "RGB", "RGBA"}), {"quality": 95}),
)
"""What is opened is limited to these: among Pillow's others are some that run outside programs (EPS)."""

IMAGE_SUFFIXES = frozenset(suffix for known in FORMATS for suffix in known.suffixes)
"""The endings that `find_images` takes for images, in lower case."""

_ACCEPTED_BYTES = 16
"""By which Pillow's plugins tell their files."""
_BEGINNINGS = {"PNG": b"\x89PNG", "JPEG": b"\xff\xd8", "GIF": b"GIF8", "JPEG2000": b"\0\0\0\x0cjP"}
"""What is left of them where line ends were converted on the way, say."""

_NETPBM = {b"1": ".pbm", b"4": ".pbm", b"2": ".pgm", b"5": ".pgm", b"3": ".ppm", b"6": ".ppm", b"7": ".pam"}
"""Endings by the second byte."""

_COMMON_SUFFIXES = ".png, .jpg, .tif, .webp, .bmp, .ppm"


def format_for(path: Path) -> ImageFormat:
    """The format to write under a file name.

    Raises:
        ImageError: The ending is unknown, or this Pillow was built without the format.
    """
    for known in FORMATS:
        if path.suffix.lower() in known.suffixes:
            break
    else:
        ending = f"with the ending {path.suffix!r}" if path.suffix else "without an ending"
        raise ImageError(f"{path}: no image format for a name {ending}; common ones are {_COMMON_SUFFIXES}")
    _load_plugins()
    if known.by_pillow and known.name not in Image.SAVE:
        needed = f"; run: {install_command('heif')}" if known.name == "HEIF" else ""
        raise ImageError(f"{path}: this Pillow cannot write {known.name}{needed}; or use one of {_COMMON_SUFFIXES}")
    return known


def ending_of(file: BinaryIO) -> str:
    """The ending that an image file has by its content, in lower case with its dot; empty if it is of no format."""
    file.seek(0)
    start = file.read(_ACCEPTED_BYTES)
    if is_tiff(start):
        return ".tif"
    if start[:1] == b"P" and start[1:2] in _NETPBM:
        return _NETPBM[start[1:2]]
    file.seek(0)
    try:
        name = open_image(file).format
    # Whatever is wrong with it is said where it is read.
    except Exception:
        return ""
    if name == "JPEG2000":
        return ".jp2" if start.startswith(_BEGINNINGS[name]) else ".j2k"
    # Of telephones come JPEGs with a second picture in them, which Pillow calls MPO.
    return next((known.suffixes[0] for known in FORMATS if known.name == name), ".jpg" if name == "MPO" else "")


def readable_formats() -> list[str]:
    """Pillow's names of those formats that it can open as installed."""
    _load_plugins()
    return [known.name for known in FORMATS if known.name in Image.OPEN]


def open_image(file: BinaryIO) -> Image.Image:
    """Have Pillow open a file of one of these formats; the file is at its beginning.

    Raises:
        UnidentifiedImageError: It is of none of them.
        ValueError: It begins as one of them does, and goes on in another way.
        Exception: Whatever Pillow raises on a file that it cannot read.
    """
    try:
        return Image.open(file, formats=readable_formats())
    # Pillow says the same of a text and of a photograph of which one byte is wrong.
    except UnidentifiedImageError:
        file.seek(0)
        start = file.read(_ACCEPTED_BYTES)
        if not start:
            raise ValueError("the file is empty") from None
        for name in readable_formats():
            factory, accept = Image.OPEN[name]
            if (accept is not None and accept(start) is True) or _begins_as(name, start):
                file.seek(0)
                raise ValueError(f"it begins as {name} does; {_refusal(factory, file)}") from None
        raise


def _begins_as(name: str, start: bytes) -> bool:
    """Whether the first bytes of a format are there, even if what Pillow looks at behind them is not."""
    if name == "WEBP":
        return start.startswith(b"RIFF") and start[8:12] == b"WEBP"
    return name in _BEGINNINGS and start.startswith(_BEGINNINGS[name])


def _refusal(factory: Callable[[BinaryIO, str], Image.Image], file: BinaryIO) -> str:
    """Why one of Pillow's plugins does not take a file."""
    try:
        factory(file, "")
    # Plugins raise SyntaxError, IndexError, TypeError, struct.error and more on a file that is not theirs.
    except Exception as error:
        return " ".join(str(error).split()) or type(error).__name__
    return "its header cannot be read"


@functools.cache
def _load_plugins() -> None:
    """Pillow's own formats, and those of pillow-heif where it is installed."""
    Image.init()
    pillow_heif = find("pillow_heif")
    if pillow_heif is not None:
        pillow_heif.register_heif_opener()
