"""Segments: so many frames of a clip, coded by themselves, which a later run need not make again."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from udsd.errors import ImageError
from udsd.files.parts import Packing
from udsd.files.video.codecs import Codec, choose_pixel_format
from udsd.files.video.frames import FrameForm, Pixels, is_rgb_format, stored_frame
from udsd.files.video.opening import load_av, told

_CONTAINER = "matroska"
"""Takes every codec, in memory."""

_FRAME = Fraction(1, 1000)
"""Time of a frame in a segment: its number in the segment, in the unit that Matroska counts in. When frames are shown
is told by the clip that came, and put in when segments become a clip."""

_PIXELS = 50_000_000
_FEWEST, _MOST = 12, 250
"""Frames of a segment."""

_CHECK = 4
_LARGEST_DENOMINATOR = 1001


def segment_length(pixel_count: int) -> int:
    """How many frames a segment has, by the pixels of each: what a kill may cost, against what a key frame costs."""
    return min(max(_PIXELS // max(pixel_count, 1), _FEWEST), _MOST)


def _packed(segment: bytes) -> bytes:
    return zlib.crc32(segment).to_bytes(_CHECK, "big") + segment


def _unpacked(content: bytes) -> bytes:
    check, segment = content[:_CHECK], content[_CHECK:]
    if not segment or check != zlib.crc32(segment).to_bytes(_CHECK, "big"):
        raise ValueError("cut off")
    return segment


SEGMENTS: Packing[bytes] = Packing(_packed, _unpacked)
"""Segments as parts of a clip; their keys are the first frame's number and the number of frames."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How a clip is coded.

    Attributes:
        codec: By what.
        quality: 1 to 100, or None for the usual one.
        form: How its frames were stored.
        rate: Frames a second, on average.
    """

    codec: Codec
    quality: int | None
    form: FrameForm
    rate: Fraction


class SegmentEncoder:
    """Codes the frames of one segment.

    Args:
        coding: How.
    """

    def __init__(self, coding: Coding) -> None:
        av = load_av()
        self._coding = coding
        self._file = io.BytesIO()
        self._container = av.open(self._file, "w", format=_CONTAINER)
        # Not 0, as a frame an hour would become.
        rate = max(coding.rate.limit_denominator(_LARGEST_DENOMINATOR), Fraction(1, _LARGEST_DENOMINATOR))
        self._stream = self._container.add_stream(
            coding.codec.encoder,
            rate=rate,
            options=coding.codec.encoder_options(coding.quality),
        )
        context = self._stream.codec_context
        context.time_base = self._time_base = 1 / rate
        context.width, context.height = coding.form.size
        context.pix_fmt = self._pixel_format = choose_pixel_format(coding.codec, coding.form)
        if coding.form.aspect:
            context.sample_aspect_ratio = coding.form.aspect
        if not is_rgb_format(self._pixel_format):
            context.color_range, context.colorspace = coding.form.color_range, coding.form.colorspace
            context.color_primaries, context.color_trc = coding.form.primaries, coding.form.transfer
        self.count = 0

    def add(self, pixels: Pixels) -> None:
        """Code the next frame.

        Raises:
            ImageError: The encoder refuses it.
        """
        frame = stored_frame(pixels, self._coding.form, self._pixel_format)
        frame.pts, frame.time_base = self.count, self._time_base
        self.count += 1
        with _encoder_errors(self._coding):
            self._write(self._stream.encode(frame))

    def finish(self) -> bytes:
        """The segment."""
        with _encoder_errors(self._coding):
            self._write(self._stream.encode(None))
        self._container.close()
        return self._file.getvalue()

    def _write(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.time_base = _FRAME
            packet.duration = 1
            self._container.mux(packet)


def packets_of(segment: bytes) -> Iterator[Any]:
    """Packets of a segment, in the order in which they are decoded; ``pts`` of each is the number of its frame."""
    av = load_av()
    with av.open(io.BytesIO(segment), "r") as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            if packet.size:
                packet.pts = round(packet.pts * packet.time_base / _FRAME)
                yield packet


@contextmanager
def template_of(segment: bytes) -> Iterator[Any]:
    """A stream that says how the frames of a segment are coded."""
    av = load_av()
    with av.open(io.BytesIO(segment), "r") as container:
        yield container.streams.video[0]


@contextmanager
def _encoder_errors(coding: Coding) -> Iterator[None]:
    av = load_av()
    try:
        yield
    except av.error.FFmpegError as error:
        width, height = coding.form.size
        raise ImageError(
            f"frames of {width} x {height} pixels cannot be coded by {coding.codec.name} ({told(error)}); name another "
            "codec (--codec)"
        ) from error
