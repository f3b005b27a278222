"""The samples of an image in a PDF, as its filters hold them: no colours yet."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from udsd.errors import ImageError
from udsd.files.pdf.lzw import check_lzw
from udsd.files.pdf.opening import PdfObject, load_pikepdf
from udsd.files.pdf.two_valued import decode_two_valued
from udsd.images.jpeg import check_scans
from udsd.images.limits import check_pixels

Coding = Literal["jpeg", "jpeg2000", "fax", "plain"]
"""What holds the samples: ``"fax"`` is Group 3, Group 4 or JBIG2, ``"plain"`` all that loses nothing else."""

_CODINGS: dict[str, Coding] = {
    "/DCTDecode": "jpeg",
    "/JPXDecode": "jpeg2000",
    "/CCITTFaxDecode": "fax",
    "/JBIG2Decode": "fax",
}
_SHORT_NAMES = {"/DCT": "/DCTDecode", "/CCF": "/CCITTFaxDecode", "/Fl": "/FlateDecode", "/LZW": "/LZWDecode"}
_DEPTHS = (1, 2, 4, 8, 16)
_MOST_COMPONENTS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Samples of an image, before its Decode array and its colour space.

    Attributes:
        values: (H, W, C), uint8, or uint16 for 16 bits, from 0 to 2^bits - 1.
        bits: Of a sample.
        coding: What held them.
        byte_count: Length of the compressed data.
        jpeg: Arguments of Pillow that write a JPEG as the one that they came from was written.
    """

    values: NDArray[Any]
    bits: int
    coding: Coding
    byte_count: int
    jpeg: dict[str, Any] = field(default_factory=dict)


def read_samples(stream: PdfObject, components: int | None) -> Samples:
    """Decode an image.

    Args:
        stream: The image.
        components: Samples of a pixel, by its colour space; None where the data themselves say it (JPEG 2000).

    Raises:
        ImageError: It is damaged, too large, or of a kind that is not read.
        Exception: Whatever a decoder raises on damaged data.
    """
    width, height = (_positive(stream, name) for name in ("/Width", "/Height"))
    check_pixels(width * height)
    filters = _filters(stream)
    coding = _CODINGS.get(filters[-1] if filters else "", "plain")
    if coding == "plain":
        return _plain(stream, filters, width, height, components)
    if coding == "fax":
        return Samples(decode_two_valued(stream)[..., None], 1, coding, _length(stream))
    data = _without_outer_filters(stream, filters)
    samples = _jpeg(data, _colour_transform(stream)) if coding == "jpeg" else _jpeg2000(data)
    if samples.values.shape[:2] != (height, width):
        found = "x".join(str(length) for length in samples.values.shape[1::-1])
        raise ImageError(f"its data hold {found} pixels, and the file says {width}x{height}")
    if components is not None and samples.values.shape[2] != components:
        raise ImageError(f"its data hold {samples.values.shape[2]} colours, and the file says {components}")
    return samples


def is_jpeg2000(stream: PdfObject) -> bool:
    """Whether the data of an image are JPEG 2000, which may say themselves what their colours are."""
    filters = _filters(stream)
    return bool(filters) and _CODINGS.get(filters[-1]) == "jpeg2000"


def _positive(stream: PdfObject, name: str) -> int:
    value = stream.get(name)
    if not isinstance(value, int) or value < 1:
        raise ImageError(f"its {name[1:].lower()} is {value}")
    return value


def _length(stream: PdfObject) -> int:
    return len(stream.read_raw_bytes())


def _filters(stream: PdfObject) -> list[str]:
    given = stream.get("/Filter")
    if given is None:
        return []
    pikepdf = load_pikepdf()
    names = [str(one) for one in given] if isinstance(given, pikepdf.Array) else [str(given)]
    return [_SHORT_NAMES.get(name, name) for name in names]


def _parameters(stream: PdfObject) -> Any:
    """Of the last filter; None if there are none."""
    pikepdf = load_pikepdf()
    given = stream.get("/DecodeParms")
    if isinstance(given, pikepdf.Array):
        given = given[-1] if len(given) else None
    return given if isinstance(given, pikepdf.Dictionary) else None


def _colour_transform(stream: PdfObject) -> int | None:
    parameters = _parameters(stream)
    value = None if parameters is None else parameters.get("/ColorTransform")
    return value if isinstance(value, int) else None


def _without_outer_filters(stream: PdfObject, filters: list[str]) -> bytes:
    """The data of the last filter, of which those before it make text or bytes."""
    raw: bytes = stream.read_raw_bytes()
    if len(filters) == 1:
        return raw
    pikepdf = load_pikepdf()
    with pikepdf.new() as scratch:
        outer = pikepdf.Stream(scratch, raw)
        outer["/Filter"] = pikepdf.Array([pikepdf.Name(name) for name in filters[:-1]])
        return bytes(outer.read_bytes(pikepdf.StreamDecodeLevel.specialized))


def _plain(stream: PdfObject, filters: list[str], width: int, height: int, components: int | None) -> Samples:
    bits = 1 if stream.get("/ImageMask") is True else stream.get("/BitsPerComponent")  # of stencils it may be left out
    if bits not in _DEPTHS:
        raise ImageError(f"it has {bits} bits a colour; 1, 2, 4, 8 and 16 are read")
    if components is None:
        raise ImageError("it has no colour space")
    row = (width * components * bits + 7) // 8
    if "/LZWDecode" in filters:
        check_lzw(stream.read_raw_bytes())
    pikepdf = load_pikepdf()
    data = stream.read_bytes(pikepdf.StreamDecodeLevel.specialized)
    if len(data) < row * height:
        raise ImageError(f"its data are cut off: {len(data)} of {row * height} bytes are there")
    rows = np.frombuffer(data, np.uint8, row * height).reshape(height, row)
    values = _unpacked(rows, bits)[:, : width * components]
    return Samples(values.reshape(height, width, components), bits, "plain", _length(stream))


def _unpacked(rows: NDArray[np.uint8], bits: int) -> NDArray[Any]:
    """Samples of rows of bytes, one after another; at the end of a row there may be some too many."""
    if bits == 16:
        return rows.view(">u2").astype(np.uint16)
    if bits == 8:
        return rows
    if bits == 1:
        return np.unpackbits(rows, axis=1)
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    samples: NDArray[Any] = (rows[..., None] >> shifts) & (2**bits - 1)
    return samples.reshape(rows.shape[0], -1)


_ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"
"""The segment by which decoders know how the colours of a JPEG are stored, up to its last byte, which says it."""


def _jpeg(data: bytes, transform: int | None) -> Samples:
    # What the PDF says counts where the JPEG does not say it.
    if transform is not None and data[:2] == b"\xff\xd8" and b"Adobe\x00" not in data[:4096]:
        kind = 0 if transform == 0 else 2 if _jpeg_components(data) == _MOST_COMPONENTS else 1
        data = data[:2] + _ADOBE + struct.pack("B", kind) + data[2:]
    file = io.BytesIO(data)
    image = _opened(file, "JPEG")
    check_scans(file, image.width * image.height)
    image.load()
    if image.mode not in ("L", "RGB", "CMYK"):
        raise ImageError(f"it is a JPEG of mode {image.mode}; grey, three colours and four inks are read")
    values = np.asarray(image)
    if image.mode == "CMYK":
        values = 255 - values  # Pillow gives them the other way round, as Adobe stores them
    return Samples(values.reshape(*values.shape[:2], -1), 8, "jpeg", len(data), _jpeg_arguments(image))


def _jpeg_components(data: bytes) -> int:
    with _opened(io.BytesIO(data), "JPEG") as image:
        return len(image.getbands())


def _jpeg_arguments(image: Image.Image) -> dict[str, Any]:
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return {}
    arguments: dict[str, Any] = {"qtables": {number: list(table) for number, table in image.quantization.items()}}
    subsampling = JpegImagePlugin.get_sampling(image) if image.mode == "RGB" else -1
    if subsampling >= 0:
        arguments["subsampling"] = subsampling
    if image.info.get("progressive"):
        arguments["progressive"] = True
    return arguments


def _jpeg2000(data: bytes) -> Samples:
    image = _opened(io.BytesIO(data), "JPEG2000")
    image.load()
    if image.mode not in ("L", "RGB", "CMYK", "I;16"):
        raise ImageError(f"it is a JPEG 2000 of mode {image.mode}; grey, three colours and four inks are read")
    values = np.asarray(image)
    bits = 16 if image.mode == "I;16" else 8
    return Samples(values.reshape(*values.shape[:2], -1), bits, "jpeg2000", len(data))


def _opened(file: io.BytesIO, format_name: str) -> Image.Image:
    try:
        image = Image.open(file, formats=[format_name])
    except UnidentifiedImageError as error:
        raise ImageError(f"its {format_name} data are damaged") from error
    check_pixels(image.width * image.height)
    return image
