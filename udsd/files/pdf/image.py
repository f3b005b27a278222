"""One image of a PDF: decoded for a network, and back to the form that it had."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from udsd.errors import ImageError
from udsd.files.options import WriteOptions
from udsd.files.pdf.colours import colours_of, colours_of_channels
from udsd.files.pdf.encoding import Encoded, encode
from udsd.files.pdf.finding import Slot
from udsd.files.pdf.opening import PdfObject, load_pikepdf
from udsd.files.pdf.samples import Samples, is_jpeg2000, read_samples
from udsd.files.pdf.spaces import Colours, Palette
from udsd.images import DecodedImage, DeepImage, Page
from udsd.images.arrays import decode_array

logger = logging.getLogger(__name__)

_SIZE = ("/Width", "/Height")


@dataclass(frozen=True, slots=True, eq=False)
class PdfImage:
    """An image that was read.

    Attributes:
        slot: Where it lies.
        samples: What its data hold.
        colours: What they mean.
        alpha: How much of each pixel is seen (H, W), uint8, where a mask of the same size says it; else None.
    """

    slot: Slot
    samples: Samples
    colours: Colours
    alpha: NDArray[np.uint8] | None = None

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
        samples = read_samples(stream, colours.components)
        if isinstance(colours, Palette):
            colours = colours.for_bits(samples.bits)
        return cls(slot, samples, colours, _alpha_of(stream))

    def decoded(self) -> DecodedImage[Page]:
        """The image as it is seen, upright; it is encoded as a Pillow image, or a deep one for colours of 16 bits."""
        view = self.colours.view(self.samples.values, self.samples.bits)
        # What cannot be seen is anything, often black, and must not show as a halo around what is seen.
        if self.alpha is not None:
            alpha = self.alpha.astype(view.dtype) * (np.iinfo(view.dtype).max // 255)
            view = np.dstack([view, alpha])
        upright = np.ascontiguousarray(self.slot.turning.upright(view))
        if self.alpha is None:
            return decode_array(upright).then(_as_page)
        return decode_array(upright).then(lambda array: _as_page(_without_alpha(array)))

    def encoded(self, page: Page, options: WriteOptions) -> Encoded:
        """A restored page, as `decoded` encodes it, in the form of this image.

        Raises:
            ImageError: It cannot be coded.
        """
        pixels = page.pixels if isinstance(page, DeepImage) else np.asarray(page)
        view = self.slot.turning.back(pixels)
        coloured = self.colours.back(view, self.samples.values, self.samples.bits)
        return encode(coloured, self.samples, options)


def _alpha_of(stream: PdfObject) -> NDArray[np.uint8] | None:
    """The mask of an image, soft or a stencil, if it has one of its own size that can be read."""
    pikepdf = load_pikepdf()
    is_stencil = "/SMask" not in stream
    mask = stream.get("/Mask" if is_stencil else "/SMask")
    if not isinstance(mask, pikepdf.Stream) or any(mask.get(name) != stream.get(name) for name in _SIZE):
        return None
    try:
        levels = colours_of(pikepdf.Name.DeviceGray if is_stencil else mask.get("/ColorSpace"), mask.get("/Decode"))
        samples = read_samples(mask, levels.components)
        view = levels.view(samples.values, samples.bits)
    # The mask stays as it is, be it damaged; the image is restored without it.
    except Exception as error:
        logger.debug("a mask cannot be read: %s", error)
        return None
    alpha = view.astype(np.uint8) if samples.bits < 16 else (view // 257).astype(np.uint8)
    # A stencil lets through where it is black.
    return 255 - alpha if is_stencil else alpha


def _without_alpha(array: NDArray[Any]) -> NDArray[Any]:
    return array[..., 0] if array.shape[2] == 2 else array[..., :3]


def _as_page(array: NDArray[Any]) -> Page:
    if array.dtype == np.uint16 and array.ndim == 3:
        return DeepImage(np.ascontiguousarray(array), {})
    return Image.fromarray(np.ascontiguousarray(array))
