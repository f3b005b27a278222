"""Formats whose codec is a package of its own: told by a file's content, so that the message names the package."""

from __future__ import annotations

from typing import BinaryIO

from udsd.errors import ImageError
from udsd.extras import install_command, pip_install
from udsd.images.formats import readable_formats

_MOST_BYTES = 256
"""Of a file's first box, which lists its brands; writers give five or so, of four bytes."""

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}


def check_codec(file: BinaryIO) -> None:
    """Refuse a HEIC or AVIF picture where its codec is not installed, whatever the file is called.

    Args:
        file: A file that begins with a box "ftyp"; it is left anywhere.

    Raises:
        ImageError: The codec is missing; the message says what to install.
    """
    file.seek(0)
    length = int.from_bytes(file.read(4))
    box = file.read(min(length, _MOST_BYTES) - 4) if length > 4 else b""
    # "ftyp", the brand, its version, and the brands that it is compatible with.
    brands = {box[4:8], *(box[place : place + 4] for place in range(12, len(box), 4))}
    name = "AVIF" if brands & _AVIF_BRANDS else "HEIF" if brands & _HEIF_BRANDS else ""
    if name and name not in readable_formats():
        raise ImageError(_cure(name))


def _cure(name: str) -> str:
    if name == "HEIF":
        return f"this is a HEIC picture, which takes a package of its own; run: {install_command('heif')}"
    return f"this is an AVIF picture, which this Pillow cannot read; run: {pip_install('pillow')} --upgrade"
