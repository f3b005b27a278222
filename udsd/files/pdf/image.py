"""One image of a PDF: decoded for a network, and back to the form that it had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from udsd.errors import ImageError
from udsd.files.options import WriteOptions
from udsd.files.pdf.colours import Colours, colours_of, colours_of_channels
from udsd.files.pdf.encoding import Encoded, encode
from udsd.files.pdf.finding import Slot
from udsd.files.pdf.opening import PdfObject, load_pikepdf
from udsd.files.pdf.samples import Samples, is_jpeg2000, read_samples
from udsd.images import DecodedImage, DeepImage, Page
from udsd.images.arrays import decode_array


@dataclass(frozen=True, slots=True, eq=False)
class PdfImage:
    """An image that was read.

    Attributes:
        slot: Where it lies.
        samples: What its data hold.
        colours: What they mean.
    """

    slot: Slot
    samples: Samples
    colours: Colours

    @classmethod
    def read(cls, stream: PdfObject, slot: Slot) -> PdfImage:
        """Decode the data of an image.

        Raises:
            ImageError: It is damaged, too large, or of a kind that is not restored.
            Exception: Whatever a decoder raises on damaged data.
        """
        pikepdf = load_pikepdf()
        if isinstance(stream.get("/Mask"), pikepdf.Array):
            raise ImageError("one of its colours is transparent, which would not be that colour any more")
        if stream.get("/SMaskInData", 0):
            raise ImageError("its transparency lies in its JPEG 2000 data")
        space, decode = stream.get("/ColorSpace"), stream.get("/Decode")
        if is_jpeg2000(stream):
            decode = None  # which its data do not know
        if space is None and is_jpeg2000(stream):
            samples = read_samples(stream, None)
            return cls(slot, samples, colours_of_channels(samples.values.shape[2]))
        if space is None:
            raise ImageError("it has no colour space")
        colours = colours_of(space, decode)
        return cls(slot, read_samples(stream, colours.components), colours)

    def decoded(self) -> DecodedImage[Page]:
        """The image as it is seen, upright; it is encoded as a Pillow image, or a deep one for colours of 16 bits."""
        view = self.colours.view(self.samples.values, self.samples.bits)
        return decode_array(np.ascontiguousarray(self.slot.turning.upright(view))).then(_as_page)

    def encoded(self, page: Page, options: WriteOptions) -> Encoded:
        """A restored page, as `decoded` encodes it, in the form of this image.

        Raises:
            ImageError: It cannot be coded.
        """
        pixels = page.pixels if isinstance(page, DeepImage) else np.asarray(page)
        view = self.slot.turning.back(pixels)
        coloured = self.colours.back(view, self.samples.values, self.samples.bits)
        return encode(coloured, self.samples, options)


def _as_page(array: NDArray[Any]) -> Page:
    if array.dtype == np.uint16 and array.ndim == 3:
        return DeepImage(array, {})
    return Image.fromarray(array)
