"""JPEG: its segments beside the pixels, and its quantisation tables."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

from PIL import JpegImagePlugin

from udsd.images.metadata import exif, photoshop, xmp
from udsd.images.metadata.parts import file_of_parts

logger = logging.getLogger(__name__)

_MOST_SEGMENT = 65533
_MOST_PROFILE = 255 * (_MOST_SEGMENT - 14)
"""The segments of a profile are counted in a byte."""
_SCAN, _END = 0xDA, 0xD9
_APP1, _APP13 = b"\xff\xe1", b"\xff\xed"


def split_exif(file: BinaryIO) -> tuple[bytes | None, BinaryIO]:
    """The EXIF of a JPEG, and the file as if it were not in it: Pillow would read it, and warn of what is broken.

    Args:
        file: A JPEG of which `udsd.images.headers.check_header` has seen that it has not too many segments.
    """
    block, parts, at = [], [], 0
    length = file.seek(0, os.SEEK_END)
    place = 2
    while True:
        file.seek(place)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in (_SCAN, _END):
            break
        if head[1] == 0xFF:
            place += 1  # may fill the space between segments
            continue
        stop = place + 2 + int.from_bytes(head[2:])
        if head[1] == _APP1[1] and file.read(len(exif.HEADER)) == exif.HEADER and stop <= length:
            block.append(file.read(stop - place - 4 - len(exif.HEADER)))
            parts.append((at, place))
            at = stop
        place = max(stop, place + 2)
    if not parts:
        return None, file
    return exif.HEADER + b"".join(block), file_of_parts(file, [*parts, (at, length)])


def found_in_jpeg(image: JpegImagePlugin.JpegImageFile, name: str, block: bytes | None = None) -> dict[str, Any]:
    """What the segments say, and the tables.

    Args:
        image: As Pillow has opened it.
        name: What logged warnings call it.
        block: Its EXIF, where Pillow was not shown it.
    """
    found: dict[str, Any] = {key: image.info.get(key) for key in ("icc_profile", "exif", "dpi", "comment")}
    if block:
        found |= {"exif": block, "dpi": found["dpi"] or exif.resolution(block)}
    segments = [content for kind, content in image.applist if kind in ("APP1", "APP13")]
    found["xmp"], is_whole = xmp.from_segments(segments)
    if not is_whole:
        logger.warning("%s: the second part of its XMP cannot be used and is left out", name)
    found["photoshop"] = photoshop.from_segments(segments)
    if image.mode in ("L", "RGB"):
        found["jpeg"] = _tables(image)
    return found


def _tables(image: JpegImagePlugin.JpegImageFile) -> dict[str, Any] | None:
    """The table of the lightness, and that of the colours where it is another; tables may bear any of four numbers.

    Pillow writes colours as lightness and two colours, which share the second of two tables.
    """
    numbers = [component[3] for component in image.layer[:2]]
    tables = [list(image.quantization[number]) for number in dict.fromkeys(numbers) if number in image.quantization]
    if not tables:
        return None
    found: dict[str, Any] = {"qtables": tables}
    subsampling = JpegImagePlugin.get_sampling(image)
    if subsampling >= 0:
        found["subsampling"] = subsampling
    return found


def jpeg_arguments(info: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """Arguments of `PIL.Image.Image.save` for a JPEG. Of what is too long for it only what fits is written."""
    arguments: dict[str, Any] = {key: info[key] for key in ("dpi",) if key in info} | info.get("jpeg", {})
    profile, comment = info.get("icc_profile"), info.get("comment") or b""
    if profile and len(profile) > _MOST_PROFILE:
        logger.warning("%s: JPEG holds no colour profile of %d bytes; it is left out", name, len(profile))
        profile = None
    if len(comment) > _MOST_SEGMENT:
        logger.warning("%s: JPEG holds no comment of %d bytes; it is left out", name, len(comment))
        comment = b""
    block, dropped = exif.shortened(info.get("exif") or b"", _MOST_SEGMENT)
    if dropped:
        logger.warning("%s: EXIF of a JPEG has at most 64 KB; left out are %s", name, ", ".join(dropped))
    beside = [(_APP1, segment) for segment in xmp.segments(info["xmp"])] if info.get("xmp") else []
    beside += [(_APP13, segment) for segment in photoshop.segments(info.get("photoshop") or b"")]
    # Pillow writes these behind EXIF, as they are.
    extra = b"".join(kind + (len(segment) + 2).to_bytes(2) + segment for kind, segment in beside)
    # An empty comment, since without one Pillow takes the image's.
    given = {"icc_profile": profile, "exif": block, "extra": extra}
    return arguments | {key: value for key, value in given.items() if value} | {"comment": comment}
