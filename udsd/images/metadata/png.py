"""PNG: the chunks beside its pixels, which go to another PNG as they are, unread.

Pillow is shown the pixels alone, since of a long text, a long profile or a wrong checksum in one of these chunks it
refuses the picture.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from udsd.images.insertion import insert
from udsd.images.metadata import exif, photoshop
from udsd.images.metadata.parts import file_of_parts
from udsd.images.metadata.png_text import XMP_KEYWORD, Texts, expanded, profile_text

logger = logging.getLogger(__name__)

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AFTER_HEADER = 33
_PIXELS_BESIDE = (b"tRNS", b"acTL", b"fcTL", b"fdAT")
"""What an image needs of what it could do without: the lower case of their first letter says the latter."""
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_COLOUR = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi")
"""How the numbers of pixels are meant as colours, which restoration does not change."""
_READ = (*_TEXT, *_COLOUR, b"iCCP", b"eXIf", b"pHYs")

_MOST_BYTES = 2**25
"""Of a colour profile."""
_UNITS = 100_000
"""Of gamma and chromaticities, to one."""
_INCH = 0.0254
_PHYS_IN_METRES = 1
_SRGB_GAMMA, _SRGB_CHROMATICITY = 45455, (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
_SRGB_CICP = bytes([1, 13, 0, 1])


def split_chunks(file: BinaryIO) -> tuple[list[tuple[bytes, bytes]], BinaryIO]:
    """The chunks that are carried over, by their kinds, and the file as if they were not in it.

    Args:
        file: A PNG of which `udsd.images.headers.check_header` has seen that it has not too many chunks.
    """
    chunks, segments = [], [(0, len(PNG_SIGNATURE))]
    length = file.seek(0, os.SEEK_END)
    at = len(PNG_SIGNATURE)
    while at < length:
        file.seek(at)
        head = file.read(8)
        size, kind = int.from_bytes(head[:4]), head[4:]
        stop = min(at + 12 + size, length)
        if len(head) == 8 and kind[0] & 0x20 and kind not in _PIXELS_BESIDE:
            if kind in _READ:
                content = file.read(size)
                if zlib.crc32(content, zlib.crc32(kind)) == int.from_bytes(file.read(4)):
                    chunks.append((kind, content))
        elif segments[-1][1] == at:
            segments[-1] = (segments[-1][0], stop)
        else:
            segments.append((at, stop))
        if kind == b"IEND":
            break
        at = stop
    return chunks, file_of_parts(file, segments)


def found_in_chunks(chunks: list[tuple[bytes, bytes]], name: str) -> dict[str, Any]:
    """What chunks say, in the words of `udsd.images.metadata`, with those that go on as they are."""
    found: dict[str, Any] = {"chunks": []}
    texts = Texts(name)
    for kind, content in chunks:
        if kind in _TEXT:
            texts.add(kind, content)
        elif kind in _COLOUR:
            found["chunks"].append((kind, content))
        elif kind == b"eXIf":
            found.setdefault("exif", content)
        elif kind == b"pHYs":
            found["dpi"] = _dpi(content)
        elif kind == b"iCCP" and "icc_profile" not in found:
            profile = expanded(content.partition(b"\0")[2][1:], _MOST_BYTES)
            found["icc_profile"] = profile
            if profile is None:
                logger.warning("%s: its colour profile is damaged and is left out", name)
    found["chunks"] += texts.chunks
    if not exif.read_directories(found.get("exif", b"")):
        found["exif"] = texts.profiles.get("exif") or texts.profiles.get("APP1") or found.get("exif")
    found["xmp"] = texts.xmp or texts.profiles.get("xmp")
    found["icc_profile"] = found.get("icc_profile") or texts.profiles.get("icc") or texts.profiles.get("icm")
    found["photoshop"] = photoshop.from_profile(texts.profiles.get("iptc") or texts.profiles.get("8bim") or b"")
    return found


def found_in_pillow(image: Image.Image, name: str) -> dict[str, Any]:
    """The same of an image that Pillow has opened, of which it has kept less."""
    text = PngInfo()
    hidden = {str(key): str(value) for key, value in image.info.items() if str(key).startswith("Raw profile type")}
    for keyword, value in (hidden | _text_of(image, name)).items():
        if keyword != XMP_KEYWORD.decode():
            text.add_text(keyword, value)
    chunks = [(chunk[0], chunk[1]) for chunk in text.chunks]
    if "gamma" in image.info:
        chunks.append((b"gAMA", struct.pack(">I", round(image.info["gamma"] * _UNITS))))
    if "chromaticity" in image.info:
        chunks.append((b"cHRM", struct.pack(">8I", *(round(value * _UNITS) for value in image.info["chromaticity"]))))
    if "srgb" in image.info:
        chunks.append((b"sRGB", bytes([image.info["srgb"]])))
    return found_in_chunks(chunks, name)


def _text_of(image: Image.Image, name: str) -> dict[str, str]:
    """The texts, of which Pillow reads those behind the pixels now; none if one of them is too long for it."""
    try:
        return {str(keyword): str(value) for keyword, value in getattr(image, "text", {}).items()}
    except (ValueError, AssertionError) as error:
        logger.warning("%s: its texts cannot be read (%s) and are left out", name, error)
        return {}


def add_to_png(path: Path, info: Mapping[Any, Any]) -> None:
    """Put into a finished PNG what Pillow does not write: texts, meaning of colours, XMP and IPTC.

    Raises:
        OSError: The file cannot be changed.
    """
    content = b"".join(_written(info))
    if content:
        with path.open("r+b") as file:
            insert(file, _AFTER_HEADER, content)


def _written(info: Mapping[Any, Any]) -> Iterator[bytes]:
    for kind, content in info.get("chunks", ()):
        # A profile says the same more exactly; both together are not allowed.
        if kind != b"sRGB" or not info.get("icc_profile"):
            yield _chunk(kind, content)
    if info.get("xmp"):
        yield _chunk(b"iTXt", XMP_KEYWORD + bytes(5) + info["xmp"])
    if info.get("photoshop"):
        yield _chunk(b"zTXt", profile_text("iptc", info["photoshop"]))


def names_of(chunks: Sequence[tuple[bytes, bytes]], *, has_profile: bool) -> list[str]:
    """What chunks are called that say something: texts, and meanings of colours that are not the usual one.

    Args:
        chunks: Those that go on as they are.
        has_profile: Whether a colour profile says the meaning of colours, too.
    """
    kinds = dict(chunks)
    names = ["text"] if any(kind in kinds for kind in _TEXT) else []
    if has_profile or b"sRGB" in kinds:
        return names
    return names + [kind.decode() for kind in _COLOUR if kind in kinds and not _is_srgb(kind, kinds[kind])]


def _is_srgb(kind: bytes, content: bytes) -> bool:
    if kind == b"gAMA":
        return len(content) == 4 and abs(int.from_bytes(content) - _SRGB_GAMMA) < 500
    if kind == b"cHRM":
        return len(content) == 32 and all(
            abs(value - sound) < 500
            for value, sound in zip(struct.unpack(">8I", content), _SRGB_CHROMATICITY, strict=True)
        )
    return content == _SRGB_CICP


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _dpi(content: bytes) -> tuple[float, float] | None:
    if len(content) != 9 or content[8] != _PHYS_IN_METRES:
        return None
    across, down = struct.unpack(">II", content[:8])
    return across * _INCH, down * _INCH
