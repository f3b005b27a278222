"""Small PDFs of scanned pages, made by pikepdf, and what lies in them."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
from numpy.typing import NDArray
from pikepdf import Array, Dictionary, Name
from PIL import Image

from udsd.files.pdf.two_valued import encode_group4

WIDTH, HEIGHT = 64, 48

MakeImage = Callable[[pikepdf.Pdf], pikepdf.Stream]


def picture(channels: int = 1, seed: int = 0, *, top: int = 255, height: int = HEIGHT, width: int = WIDTH) -> Any:
    """Samples (H, W, C) from 0 to ``top``, smooth enough that a JPEG keeps them."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (9 + seed + 3 * index)) * np.cos(y / (7 + index)) for index in range(channels)]
    samples = np.rint((np.stack(waves, axis=-1) * 0.35 + 0.45) * top)
    return samples.astype(np.uint16 if top > 255 else np.uint8)


def image(pdf: pikepdf.Pdf, data: bytes, size: tuple[int, int], **entries: Any) -> pikepdf.Stream:
    """An image of a PDF, of which ``data`` are coded already."""
    stream = pikepdf.Stream(pdf, data)
    entries = {"Type": Name.XObject, "Subtype": Name.Image, "Width": size[0], "Height": size[1], **entries}
    for name, value in entries.items():
        stream[f"/{name}"] = value
    return stream


def plain(samples: NDArray[Any], space: Any = Name.DeviceGray, bits: int = 8, **entries: Any) -> MakeImage:
    """Samples (H, W, C) compressed without loss."""
    height, width = samples.shape[:2]
    if bits == 16:
        data = samples.astype(">u2").tobytes()
    elif bits == 8:
        data = samples.astype(np.uint8).tobytes()
    else:
        rows = samples.reshape(height, -1, 1).astype(np.uint8)
        data = np.packbits(np.unpackbits(rows, axis=2)[..., 8 - bits :].reshape(height, -1), axis=1).tobytes()
    entries = {"ColorSpace": space, "BitsPerComponent": bits, "Filter": Name.FlateDecode, **entries}
    return lambda pdf: image(pdf, zlib.compress(data), (width, height), **entries)


def jpeg(samples: NDArray[Any], space: Any = None, quality: int = 80, **entries: Any) -> MakeImage:
    """Samples (H, W, C) as a JPEG; four of them are inks, stored as Adobe stores them."""
    channels = samples.shape[2]
    pillow = Image.fromarray(samples[..., 0] if channels == 1 else samples, "CMYK" if channels == 4 else None)
    file = io.BytesIO()
    pillow.save(file, "JPEG", quality=quality)
    spaces = {1: Name.DeviceGray, 3: Name.DeviceRGB, 4: Name.DeviceCMYK}
    if channels == 4:
        entries = {"Decode": Array([1, 0] * 4), **entries}
    entries = {"ColorSpace": space or spaces[channels], "BitsPerComponent": 8, "Filter": Name.DCTDecode, **entries}
    return lambda pdf: image(pdf, file.getvalue(), samples.shape[1::-1], **entries)


def fax(samples: NDArray[Any], **entries: Any) -> MakeImage:
    """Two-valued samples (H, W, 1) as Group 4."""
    data, parameters = encode_group4(samples[..., 0])
    entries = {
        "ColorSpace": Name.DeviceGray,
        "BitsPerComponent": 1,
        "Filter": Name.CCITTFaxDecode,
        "DecodeParms": Dictionary(**parameters),
        **entries,
    }
    return lambda pdf: image(pdf, data, samples.shape[1::-1], **entries)


def make(
    path: Path,
    images: Sequence[MakeImage],
    *,
    text: str = "",
    rotate: int = 0,
    matrix: str = "200 0 0 150 10 20",
    **saving: Any,
) -> Path:
    """A PDF of one page for each image, with text that is not seen behind it, a bookmark and a title."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with pikepdf.new() as pdf:
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        for number, make_image in enumerate(images, start=1):
            page = pdf.add_blank_page(page_size=(220, 190))
            drawing = f"BT 3 Tr /F1 12 Tf 20 100 Td ({text} {number}) Tj ET q {matrix} cm /Im0 Do Q"
            page.obj["/Resources"] = Dictionary(XObject=Dictionary(Im0=make_image(pdf)), Font=Dictionary(F1=font))
            page.obj["/Contents"] = pikepdf.Stream(pdf, drawing.encode())
            if rotate:
                page.obj["/Rotate"] = rotate
        pdf.docinfo["/Title"] = "Scanned"
        with pdf.open_outline() as outline:
            if images:
                outline.root.append(pikepdf.OutlineItem("Beginning", 0))
        pdf.save(path, **saving)
    return path


def images_in(pdf: pikepdf.Pdf) -> list[pikepdf.Stream]:
    """The images of a PDF that `make` made, one a page."""
    return [page.obj.Resources.XObject.Im0 for page in pdf.pages]
