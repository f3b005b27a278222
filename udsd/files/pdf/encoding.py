"""Restored samples as the data of an image in a PDF, coded as they were."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from udsd.errors import ImageError
from udsd.extras import require
from udsd.files.options import WriteOptions
from udsd.files.pdf.samples import Samples
from udsd.files.pdf.spaces import Coloured
from udsd.files.pdf.two_valued import encode_group4

_LARGEST_STEP = 255
_COARSEST = 16.0
"""Tables of a JPEG are multiplied by this at most to make it smaller."""
_TRIES = 6
_JPEG2000_GROWTH = 1.2
"""A sharp page takes more bytes than a blurred one."""
_PNG_SIGNATURE = 8


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """The data of an image, and what its dictionary says of them.

    Attributes:
        data: The data.
        filter: Name of the filter, with its slash.
        parameters: Of the filter.
        bits: Of a sample; 0 where the data say it themselves.
        palette: The new colours of an Indexed space, RGB (N, 3) or grey (N, 1), uint8.
        note: What a user should know.
    """

    data: bytes
    filter: str
    parameters: dict[str, int | bool]
    bits: int
    palette: NDArray[np.uint8] | None = None
    note: str = ""


def encode(coloured: Coloured, source: Samples, options: WriteOptions) -> Encoded:
    """Code samples: JPEG and JPEG 2000 as these, two-valued ones as Group 4, all others without loss.

    Args:
        coloured: The samples.
        source: Those from which they were restored.
        options: Quality, and how much longer they may become.

    Raises:
        ImageError: They cannot be coded.
    """
    values, bits = coloured.values, coloured.bits
    if source.coding == "jpeg":
        data, note = _jpeg(values, source, options)
        return Encoded(data, "/DCTDecode", {}, 8, coloured.palette, note)
    if source.coding == "jpeg2000":
        return Encoded(_jpeg2000(values, source, options), "/JPXDecode", {}, 0, coloured.palette)
    if bits == 1 and values.shape[2] == 1:
        data, parameters = encode_group4(values[..., 0])
        return Encoded(data, "/CCITTFaxDecode", parameters, 1, coloured.palette)
    if bits < 8:
        return Encoded(zlib.compress(_packed(values, bits), 9), "/FlateDecode", {}, bits, coloured.palette)
    width, channels = values.shape[1:]
    parameters = {"Predictor": 15, "Colors": channels, "BitsPerComponent": bits, "Columns": width}
    return Encoded(_png_data(values), "/FlateDecode", parameters, bits, coloured.palette)


def _as_pillow(values: NDArray[Any]) -> Image.Image:
    channels = values.shape[2]
    if channels == 4:
        # The other way round, as Adobe stores inks and Pillow expects them.
        return Image.frombytes("CMYK", values.shape[1::-1], (255 - values).astype(np.uint8).tobytes())
    return Image.fromarray(np.ascontiguousarray(values[..., 0] if channels == 1 else values))


def _jpeg(values: NDArray[Any], source: Samples, options: WriteOptions) -> tuple[bytes, str]:
    """A JPEG with the tables of the source, or of the quality wanted; coarser where it would be too long."""
    image = _as_pillow(values)
    arguments = dict(source.jpeg)
    if options.quality is not None:
        arguments.pop("qtables", None)
        arguments.pop("subsampling", None)
        arguments["quality"] = options.quality

    def coded(coarseness: float) -> bytes:
        scaled = dict(arguments)
        if coarseness > 1:
            scaled.pop("quality", None)
            scaled["qtables"] = _scaled(_tables(image, arguments), coarseness)
        file = io.BytesIO()
        image.save(file, "JPEG", optimize=True, **scaled)
        return file.getvalue()

    if options.max_growth is None:
        return coded(1), ""
    return _fitting(coded, int(options.max_growth * source.byte_count))


def _tables(image: Image.Image, arguments: dict[str, Any]) -> dict[int, list[int]]:
    if "qtables" in arguments:
        tables: dict[int, list[int]] = arguments["qtables"]
        return tables
    file = io.BytesIO()
    image.crop((0, 0, 8, 8)).save(file, "JPEG", **arguments)
    with Image.open(file) as written:
        return {number: list(table) for number, table in written.quantization.items()}  # type: ignore[attr-defined]


def _scaled(tables: dict[int, list[int]], coarseness: float) -> dict[int, list[int]]:
    return {
        number: [min(_LARGEST_STEP, round(step * coarseness)) for step in table] for number, table in tables.items()
    }


def _fitting(coded: Callable[[float], bytes], most: int) -> tuple[bytes, str]:
    """The finest that has at most so many bytes, or the coarsest."""
    best = coded(1)
    if len(best) <= most:
        return best, ""
    coarsest = coded(_COARSEST)
    if len(coarsest) > most:
        return coarsest, f"its JPEG takes {len(coarsest)} bytes and could not be made shorter than {most}"
    fits, best, too_long = _COARSEST, coarsest, 1.0
    for _ in range(_TRIES):
        middle = (fits * too_long) ** 0.5
        data = coded(middle)
        if len(data) <= most:
            fits, best = middle, data
        else:
            too_long = middle
    return best, ""


def _jpeg2000(values: NDArray[Any], source: Samples, options: WriteOptions) -> bytes:
    """A JPEG 2000 as long as the source and a little more, since none says how it was coded."""
    growth = _JPEG2000_GROWTH if options.max_growth is None else min(options.max_growth, _JPEG2000_GROWTH)
    file = io.BytesIO()
    arguments: dict[str, Any] = {"quality_mode": "rates", "quality_layers": [_rate(values, source, growth)]}
    _as_jpeg2000(values).save(file, "JPEG2000", irreversible=True, **arguments)
    return file.getvalue()


def _rate(values: NDArray[Any], source: Samples, growth: float) -> float:
    return max(1.0, values.nbytes / (growth * source.byte_count))


def _as_jpeg2000(values: NDArray[Any]) -> Image.Image:
    if values.shape[2] == 4:
        raise ImageError("JPEG 2000 of inks cannot be written here")
    return Image.fromarray(np.ascontiguousarray(values[..., 0] if values.shape[2] == 1 else values))


def _packed(values: NDArray[Any], bits: int) -> bytes:
    """Samples of fewer than 8 bits, each row beginning with a byte."""
    height = values.shape[0]
    rows = values.reshape(height, -1).astype(np.uint8)
    each = np.unpackbits(rows[..., None], axis=2)[..., 8 - bits :].reshape(height, -1)
    return np.packbits(each, axis=1).tobytes()


def _png_data(values: NDArray[Any]) -> bytes:
    """Samples of 8 or 16 bits as the data of a PNG of as many channels: PDF has its filters and its compression."""
    cv2 = require("cv2", "OpenCV")
    # OpenCV writes the colours of its arrays the other way round.
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[values.shape[2]]
    done, png = cv2.imencode(".png", np.ascontiguousarray(values[..., order]), [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise ImageError("it cannot be compressed")
    return b"".join(_data_chunks(png.tobytes()))


def _data_chunks(png: bytes) -> list[bytes]:
    chunks, at = [], _PNG_SIGNATURE
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            chunks.append(png[at + 8 : at + 8 + length])
        at += 12 + length
    return chunks
