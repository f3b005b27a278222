"""Frames of a clip on their way to a network and back: upright, as RGB of 8 or 16 bits."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from udsd.images import DecodedImage, Page, decode_image
from udsd.images.deep import DeepImage

VideoFrame: TypeAlias = Any
"""An `av.VideoFrame`."""

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""RGB (H, W, 3), of 8 or of 16 bits."""

_UNSPECIFIED = 2
"""Number of a colour space that is not told, in FFmpeg as in the standards."""

_BT601, _BT709 = 5, 1
_GBR = 0

_LIMITED = 1
"""Number of the range in which black and white lie off the ends, that of YUV where nothing is told."""


@dataclass(frozen=True, slots=True)
class FrameForm:
    """How the frames of a clip are stored.

    Attributes:
        size: Width and height in pixels.
        pixel_format: FFmpeg's name of how its samples lie.
        depth: Bits of a sample.
        is_rgb: Whether the samples, or the colours of a palette, are red, green and blue already.
        turns: By how many quarters, against the clock, a frame is turned to be upright.
        display: The matrix by which players turn it, nine numbers; None where they do not.
        matrix: Number of the colour space by which it becomes RGB.
        color_range: Number of the range of its samples, as it is told; of RGB, that of the YUV which it may become.
        colorspace: The same of its colour space.
        primaries: The same of its primary colours.
        transfer: The same of its transfer characteristics.
        aspect: Width of a pixel as a part of its height; None where that is not told.
    """

    size: tuple[int, int]
    pixel_format: str
    depth: int
    is_rgb: bool
    turns: int
    display: tuple[int, ...] | None
    matrix: int
    color_range: int
    colorspace: int
    primaries: int
    transfer: int
    aspect: Fraction | None

    @classmethod
    def of(cls, frame: VideoFrame, aspect: Fraction | None = None) -> FrameForm:
        """How a frame is stored, of a stream that tells the aspect of pixels."""
        components = frame.format.components
        is_rgb = frame.format.is_rgb or frame.format.has_palette
        color_range, colorspace = int(frame.color_range), int(frame.colorspace)
        matrix = _BT601 if colorspace in (_UNSPECIFIED, _GBR) else colorspace  # FFmpeg's own where nothing is told
        if is_rgb:
            color_range = _LIMITED  # full, as RGB is told to be, is what few players expect of YUV
        if is_rgb or colorspace == _GBR:
            colorspace = matrix  # grey of a PNG is told to be GBR too, which YUV never is
        return cls(
            (frame.width, frame.height),
            frame.format.name,
            max(component.bits for component in components),
            is_rgb,
            round(frame.rotation / 90) % 4,
            _display_of(frame),
            matrix,
            color_range,
            colorspace,
            int(frame.color_primaries),
            int(frame.color_trc),
            aspect,
        )

    @property
    def rgb_format(self) -> str:
        """FFmpeg's name of the RGB that frames become."""
        return "rgb24" if self.depth <= 8 else "rgb48le"


def is_rgb_format(pixel_format: str) -> bool:
    """Whether samples that lie in a way are red, green and blue.

    Args:
        pixel_format: FFmpeg's name of it.
    """
    from av import VideoFormat  # what has decoded frames has it

    return VideoFormat(pixel_format).is_rgb


def _display_of(frame: VideoFrame) -> tuple[int, ...] | None:
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else struct.unpack("=9i", bytes(data))


def upright_pixels(frame: VideoFrame, form: FrameForm) -> Pixels:
    """A frame as RGB, as it is seen; one of another size is brought to that of the form."""
    size = {} if (frame.width, frame.height) == form.size else {"width": form.size[0], "height": form.size[1]}
    if form.is_rgb:
        rgb = frame.reformat(format=form.rgb_format, **size)
    else:
        rgb = frame.reformat(format=form.rgb_format, src_colorspace=form.matrix, **size)
    return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), form.turns))


def decoded_frame(pixels: Pixels) -> DecodedImage[Page]:
    """Pixels for a network, whose `DecodedImage.encode` gives pages."""
    decoded = decode_image(pixels)
    if pixels.dtype == np.uint8:
        return decoded.then(Image.fromarray)
    return decoded.then(partial(DeepImage, info={}))


def page_pixels(page: Page) -> Pixels:
    """The pixels of a page as `decoded_frame` gives them."""
    return page.pixels if isinstance(page, DeepImage) else np.asarray(page)


def stored_frame(pixels: Pixels, form: FrameForm, pixel_format: str) -> VideoFrame:
    """Upright RGB as a frame of a clip again.

    Args:
        pixels: As of `upright_pixels`.
        form: How frames were stored, for the same way back.
        pixel_format: FFmpeg's name of how samples are to lie.
    """
    from av import VideoFrame as Frame  # what has decoded frames has it

    turned: Any = np.ascontiguousarray(np.rot90(pixels, -form.turns))
    frame = Frame.from_ndarray(turned, format=form.rgb_format)
    if is_rgb_format(pixel_format):
        return frame.reformat(format=pixel_format)
    return frame.reformat(format=pixel_format, dst_colorspace=form.matrix, dst_color_range=form.color_range or None)
