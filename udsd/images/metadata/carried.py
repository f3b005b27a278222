"""What is carried over from an original to its restored image, whatever the formats of both.

Containers are read in their own modules, each of which gives what it has found under these names.
"""

from __future__ import annotations

import functools
import io
import logging
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from udsd.images.metadata import exif, gif, jpeg, photoshop, png, tiff, tiff_writing, xmp
from udsd.images.tiff_compression import kept_compression

logger = logging.getLogger(__name__)

CARRIED_INFO = (
    "icc_profile", "dpi", "exif", "xmp", "photoshop", "chunks", "comment", "jpeg", "compression", "predictor",
    "duration", "loop", "default_image", "lossless",
)  # fmt: skip
"""Keys of `PIL.Image.Image.info` that go from the original to the restored image.

``photoshop`` (Photoshop's resources, with IPTC, as bytes), ``chunks`` (of a PNG: texts and the meaning of colours) and
``jpeg`` (quantisation tables and subsampling), ``predictor`` (of a compressed TIFF) and ``lossless`` (of a WebP) are
ours, the others are Pillow's.
"""

_BYTES = ("icc_profile", "exif", "xmp", "photoshop", "comment")
_PNG_XMP = "XML:com.adobe.xmp"
_ANIMATED_FORMATS = ("GIF", "PNG", "WEBP", "AVIF")
_EXIF_FORMATS = ("WEBP", "AVIF", "HEIF")
"""Formats that have EXIF and XMP, and no resolution but that of EXIF."""


def found_in(image: Image.Image, name: str) -> dict[str, Any]:
    """What a Pillow image says beside its pixels, raw; asked before it is loaded, more of it is there.

    Args:
        image: An image, opened from a file or made.
        name: What logged warnings call it.
    """
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return jpeg.found_in_jpeg(image, name)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return tiff.found_in_pillow(image, name)
    found = png.found_in_pillow(image, name)
    given = _sound(image.info)
    found |= given | {"chunks": [*found["chunks"], *given.get("chunks", ())]}
    file = getattr(image, "fp", None)
    if image.format == "GIF" and file is not None and not file.closed:
        found["xmp"] = gif.found_xmp(file)
    if image.format in _EXIF_FORMATS and found.get("exif"):
        found.setdefault("dpi", exif.resolution(found["exif"]))
    return found


def _sound(info: Mapping[Any, Any]) -> dict[str, Any]:
    """What is carried over of any image's ``info``, which users and Pillow fill too, in the types that are ours."""
    found = {key: info[key] for key in CARRIED_INFO if info.get(key) is not None}
    if "xmp" not in found and info.get(_PNG_XMP):
        found["xmp"] = info[_PNG_XMP]
    if isinstance(found.get("photoshop"), dict):  # a copy of a JPEG that Pillow has opened
        found["photoshop"] = photoshop.from_numbers(found["photoshop"])
    found |= {key: found[key].encode() for key in _BYTES if isinstance(found.get(key), str)}
    if isinstance(found.get("exif"), Image.Exif):
        found["exif"] = found["exif"].tobytes()
    if "dpi" in found:
        found["dpi"] = _plain_dpi(found["dpi"])
    if not isinstance(found.get("compression"), str):  # Pillow's of BMP is a number
        found.pop("compression", None)
    found = {key: value for key, value in found.items() if value is not None}
    return {key: value for key, value in found.items() if key not in _BYTES or (isinstance(value, bytes) and value)}


def orientation_of(found: Mapping[str, Any]) -> int:
    """1 to 8, as EXIF says it, else the TIFF itself, else XMP."""
    said = exif.orientation(found.get("exif") or b"") or found.get("orientation")
    if said not in range(1, 9):
        said = xmp.orientation(_bytes(found.get("xmp")))
    return said or 1


def carried(
    found: Mapping[str, Any], name: str, *, size: tuple[int, int], is_converted: bool = False
) -> dict[str, Any]:
    """What of it is carried over, being still true of an image that was restored and set upright.

    Args:
        found: What the original says.
        name: What logged warnings call it.
        size: Of the upright image.
        is_converted: Whether its colours are others.
    """
    info = {key: found[key] for key in ("icc_profile", "chunks", "jpeg") if found.get(key)}
    orientation = orientation_of(found)
    dpi = _plain_dpi(found.get("dpi"))
    if dpi:
        info["dpi"] = dpi[::-1] if orientation >= 5 else dpi
    compression = kept_compression(found.get("compression"))
    if compression is not None:
        info |= {"compression": compression, "predictor": found.get("predictor")}
    info |= {
        "exif": _true_exif(found, name, size=size, is_converted=is_converted),
        "xmp": xmp.still_true(_bytes(found.get("xmp"))),
        "photoshop": photoshop.still_true(found.get("photoshop") or b"", is_turned=orientation > 1),
        "comment": _bytes(found.get("comment")),
    }
    return {key: value for key, value in info.items() if value}


def _true_exif(found: Mapping[str, Any], name: str, *, size: tuple[int, int], is_converted: bool) -> bytes | None:
    given = found.get("exif") or b""
    block, broken = exif.still_true(given, size=size, orientation=orientation_of(found), is_converted=is_converted)
    if broken:
        logger.warning("%s: broken EXIF tags are left out: %s", name, ", ".join(broken))
    elif given and block is None and not exif.tiff_block(given):
        logger.warning("%s: EXIF cannot be read and is left out", name)
    return block


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value or b"")


def _plain_dpi(dpi: Any) -> tuple[float, float] | None:
    """Resolutions as floats, or None where a file gives nonsense that no other format could hold."""
    try:
        across, down = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    sound = all(math.isfinite(value) and 1 <= value <= 65535 for value in (across, down))
    return (across, down) if sound else None


@functools.cache
def pillow_turns_tiffs() -> bool:
    """Whether this Pillow sets a TIFF upright when it is loaded, as later ones do."""
    file = io.BytesIO()
    Image.new("L", (2, 1)).save(file, "TIFF", tiffinfo={274: 6})
    with Image.open(file) as image:
        image.load()
        return image.size == (1, 2)


def save_arguments(format_name: str, info: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """Arguments of `PIL.Image.Image.save` that write what a format can hold of what was carried over.

    Args:
        format_name: As Pillow names it.
        info: What is carried over.
        name: What logged warnings call the file.
    """
    info = _sound(info)
    _warn_of_loss(format_name, info, name)
    if format_name == "JPEG":
        return jpeg.jpeg_arguments(info, name)
    arguments: dict[str, Any] = {key: info[key] for key in _KEYS.get(format_name, ()) if info.get(key)}
    if format_name in _ANIMATED_FORMATS:
        arguments |= {key: info[key] for key in ("duration", "loop") if key in info}
    if format_name in _EXIF_FORMATS and "dpi" in info:
        arguments["exif"] = exif.with_resolution(info.get("exif"), info["dpi"])
    if format_name in ("AVIF", "HEIF") and not _is_read_by_pillow(arguments.get("exif")):
        logger.warning("%s: EXIF is too broken for %s and is left out", name, format_name)
        del arguments["exif"]
    return arguments


_KEYS = {
    "PNG": ("dpi", "icc_profile", "exif"),
    "TIFF": ("dpi", "icc_profile"),
    "WEBP": ("icc_profile", "exif", "xmp"),
    "AVIF": ("icc_profile", "exif", "xmp"),
    "HEIF": ("icc_profile", "exif", "xmp"),
    "GIF": ("comment",),
    "BMP": ("dpi",),
}
"""What Pillow writes, but for JPEG; `add_beside` adds the rest."""


_HELD = {
    "JPEG": {"icc_profile", "exif", "xmp", "photoshop"},
    "PNG": {"icc_profile", "exif", "xmp", "photoshop", "chunks"},
    "TIFF": {"icc_profile", "exif", "xmp", "photoshop"},
    "WEBP": {"icc_profile", "exif", "xmp"},
    "AVIF": {"icc_profile", "exif", "xmp"},
    "HEIF": {"icc_profile", "exif", "xmp"},
    "GIF": {"xmp"},
}
_NAMES = {"icc_profile": "colour profile", "exif": "EXIF", "xmp": "XMP", "photoshop": "IPTC"}


def _warn_of_loss(format_name: str, info: Mapping[Any, Any], name: str) -> None:
    """Tell what a format has no place for."""
    held = _HELD.get(format_name, set())
    lost = [said for key, said in _NAMES.items() if info.get(key) and key not in held]
    if "chunks" not in held:
        lost += png.names_of(info.get("chunks", ()), has_profile=bool(info.get("icc_profile")))
    if lost:
        logger.warning("%s: %s has no place for %s, which the original had", name, format_name, ", ".join(lost))


def _is_read_by_pillow(block: bytes | None) -> bool:
    try:
        Image.Exif().load(block or b"")
    except (SyntaxError, ValueError, TypeError, struct.error, OSError):
        return False
    return True


def add_beside(path: Path, format_name: str, infos: Sequence[Mapping[Any, Any]], name: str) -> None:
    """Put into a finished file what the library that has written it does not write.

    Args:
        path: The file.
        format_name: As Pillow names it.
        infos: What is carried over, for each page.
        name: What logged warnings call the file.

    Raises:
        OSError: The file cannot be changed.
    """
    infos = [_sound(info) for info in infos]
    if format_name == "PNG":
        png.add_to_png(path, infos[0])
    if format_name == "TIFF":
        tiff_writing.add_to_tiff(path, infos, name)
    if format_name == "GIF" and infos[0].get("xmp"):
        gif.add_xmp(path, infos[0]["xmp"])
