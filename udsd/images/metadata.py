"""What a file says beside its pixels: read from the original, written into the restored image's file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PIL import Image, JpegImagePlugin, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from udsd.images.tiff_compression import kept_compression

CARRIED_INFO = (
    *("icc_profile", "dpi", "exif", "xmp", "text", "jpeg", "compression", "predictor"),
    *("duration", "loop", "default_image", "lossless"),
)
"""Keys of `PIL.Image.Image.info` that go from the original to the restored image.

``text`` (PNG's text chunks), ``jpeg`` (quantisation tables and subsampling) and ``lossless`` (of a WebP) are ours, the
others are Pillow's.
"""

_XMP_KEYWORD = "XML:com.adobe.xmp"
XMP_TAG = 700
"""Number of the TIFF tag."""

_PREDICTOR_TAG = 317
_XMP_FORMATS = ("JPEG", "WEBP", "AVIF", "HEIF")
_ANIMATED_FORMATS = ("GIF", "PNG", "WEBP", "AVIF")


def read_info(original: Image.Image, upright: Image.Image) -> dict[str, Any]:
    """What is carried over of an opened image and of its copy turned upright, whose EXIF and XMP know of the turn."""
    keys = ("icc_profile", "exif", "xmp", "duration", "loop", "default_image", "lossless")
    info = {key: upright.info[key] for key in keys if upright.info.get(key) is not None}
    dpi = _plain_dpi(upright.info.get("dpi"))
    if dpi:
        info["dpi"] = dpi
    compression = kept_compression(upright.info.get("compression"))
    if compression is not None:
        info["compression"] = compression
        info["predictor"] = getattr(original, "tag_v2", {}).get(_PREDICTOR_TAG, 1)
    text = {key: value for key, value in getattr(original, "text", {}).items() if not _is_in_info(key)}
    if text:
        info["text"] = text
    if isinstance(original, JpegImagePlugin.JpegImageFile) and original.mode in ("L", "RGB"):
        info["jpeg"] = {"qtables": dict(original.quantization)}
        subsampling = JpegImagePlugin.get_sampling(original)
        if subsampling >= 0:
            info["jpeg"]["subsampling"] = subsampling
    return info


def save_arguments(format_name: str, info: Mapping[Any, Any]) -> dict[str, Any]:
    """Arguments of `PIL.Image.Image.save` that write what a format can hold of what was carried over."""
    arguments = {key: info[key] for key in ("icc_profile", "dpi", "exif") if key in info}
    xmp = info.get("xmp")
    if format_name == "JPEG":
        arguments |= info.get("jpeg", {})
    if format_name in _ANIMATED_FORMATS:
        arguments |= {key: info[key] for key in ("duration", "loop") if key in info}
    if format_name == "PNG" and ("text" in info or xmp):
        arguments["pnginfo"] = _png_text(info.get("text", {}), xmp)
    if xmp and format_name in _XMP_FORMATS:
        arguments["xmp"] = xmp
    if xmp and format_name == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags.tagtype[XMP_TAG] = 1  # bytes
        tags[XMP_TAG] = xmp
        arguments["tiffinfo"] = tags
    return arguments


def _is_in_info(keyword: str) -> bool:
    """Chunks that Pillow has understood: they would say twice, and perhaps no longer rightly, what is carried."""
    return keyword == _XMP_KEYWORD or keyword.startswith("Raw profile type")


def _png_text(text: dict[str, str], xmp: bytes | None) -> PngInfo:
    chunks = PngInfo()
    for keyword, value in text.items():
        chunks.add_text(keyword, value)
    if xmp:
        chunks.add_itxt(_XMP_KEYWORD, xmp.decode(errors="replace"))
    return chunks


def _plain_dpi(dpi: Any) -> tuple[float, float] | None:
    """Resolutions as floats, or None where a file gives nonsense that no other format could hold."""
    try:
        across, down = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    sound = all(math.isfinite(value) and 1 <= value <= 65535 for value in (across, down))
    return (across, down) if sound else None
