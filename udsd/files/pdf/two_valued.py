"""Two-valued images: fax (Group 3 and 4) and JBIG2 are read, Group 4 is written."""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from udsd.errors import ImageError
from udsd.files.pdf.opening import PdfObject, load_pdfium, load_pikepdf

_PDFIUM = threading.Lock()
"""PDFium is not made for threads."""

_MIDDLE = 127
_KEPT = ("/Width", "/Height", "/Filter", "/DecodeParms")
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 278, 279  # TIFF tags


def decode_two_valued(stream: PdfObject) -> NDArray[np.uint8]:
    """Decode an image of fax or JBIG2 by PDFium, which gets it alone, in a PDF of one page.

    Returns:
        Its samples (H, W), 0 or 1, before its Decode array and colour space.

    Raises:
        ImageError: It is damaged.
    """
    pdfium = load_pdfium()
    alone = _alone(stream)
    with _PDFIUM:
        try:
            document = pdfium.PdfDocument(alone)
            try:
                image = next(iter(document[0].get_objects()), None)
                levels = None if image is None else image.get_bitmap().to_numpy().copy()
            finally:
                document.close()
        except pdfium.PdfiumError as error:
            raise ImageError(f"its fax or JBIG2 data are damaged ({error})") from error
    size = (int(stream["/Height"]), int(stream["/Width"]))
    if levels is None or levels.shape[:2] != size:
        raise ImageError("its fax or JBIG2 data are damaged")
    samples: NDArray[np.uint8] = (levels.reshape(*size, -1)[..., 0] > _MIDDLE).astype(np.uint8)
    return samples


def _alone(stream: PdfObject) -> bytes:
    """A PDF with one image as grey of one bit, whatever its own colour space is."""
    pikepdf = load_pikepdf()
    with pikepdf.new() as pdf:
        image = pdf.copy_foreign(stream)
        for name in list(image.keys()):
            if name not in (*_KEPT, "/Length"):
                del image[name]
        image["/Type"], image["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Image
        image["/ColorSpace"], image["/BitsPerComponent"] = pikepdf.Name.DeviceGray, 1
        page = pdf.add_blank_page(page_size=(72, 72))
        page.obj["/Resources"] = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=image))
        page.obj["/Contents"] = pikepdf.Stream(pdf, b"72 0 0 72 0 0 cm /Im0 Do")
        file = io.BytesIO()
        pdf.save(file)
        return file.getvalue()


def encode_group4(samples: NDArray[Any]) -> tuple[bytes, dict[str, int | bool]]:
    """Code two-valued samples (H, W), 0 or 1, as Group 4.

    Returns:
        The data, and the parameters of the filter CCITTFaxDecode.
    """
    height, width = samples.shape
    # White paper takes the runs that fax has short codes for.
    paper = bool(np.count_nonzero(samples) * 2 >= samples.size)
    white_is_zero = samples == 0 if paper else samples != 0
    file = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(white_is_zero))
    image.save(file, "TIFF", compression="group4", tiffinfo={_ROWS_PER_STRIP: height})
    with Image.open(file) as written:
        tags: Any = written.tag_v2  # type: ignore[attr-defined]
        (offset,), (length,) = tags[_STRIP_OFFSETS], tags[_STRIP_BYTES]
    data = file.getvalue()[offset : offset + length]
    return data, {"K": -1, "Columns": width, "Rows": height, "BlackIs1": not paper}
