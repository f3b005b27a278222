"""Opening clips: what may go wrong, and what is to be known of one before it is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from udsd.errors import ConfigError, ImageError
from udsd.extras import require
from udsd.images.limits import check_pixels
from udsd.out_of_memory import is_out_of_memory
from udsd.regular import NotRegularError, regular_size

Container: TypeAlias = Any
"""An `av.container.InputContainer`. The package is imported only where it is needed."""

VideoStream: TypeAlias = Any
"""An `av.VideoStream`."""

USUAL_RATE = Fraction(25)
"""Frames a second where a file does not say how many."""

_HIGHEST_RATE = 1000

_CONTAINERS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg"
"""FFmpeg's names of what clips lie in. It would guess others by their content, and read files and addresses that are
named in lists of pieces (ffconcat, HLS, DASH)."""


def load_av() -> Any:
    """The package that reads and writes clips.

    Raises:
        ConfigError: It is not installed.
    """
    return require("av", "av", "video")


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What is known of a clip before it is decoded.

    Attributes:
        size: Width and height of a frame in pixels, as it is stored.
        codec: Name of the codec that its frames were coded by.
        time_base: Unit of its timestamps in seconds.
        rate: Frames a second, on average.
        count: How many packets of frames that are shown it has, at least 1.
        expected: How many frames that are shown it should have by its header, or 0 where that is not told.
    """

    size: tuple[int, int]
    codec: str
    time_base: Fraction
    rate: Fraction
    count: int
    expected: int


@contextmanager
def opened_clip(path: Path) -> Iterator[tuple[Container, VideoStream]]:
    """Open a clip for a while.

    Gives the container and the stream of its frames, the first that is no cover picture.

    Raises:
        ImageError: It is missing, damaged, no clip, has no frames, or ones that cannot be decoded; the message names
            the file.
    """
    try:
        av = load_av()
    except ConfigError as error:
        raise ImageError(f"{path}: {error}") from error
    try:
        regular_size(path)
        container = av.open(str(path), "r", options={"format_whitelist": _CONTAINERS}, metadata_errors="replace")
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file; check the path") from error
    except NotRegularError as error:
        raise ImageError(f"{path}: {error.strerror}; give a file") from error
    except (ValueError, av.error.FFmpegError) as error:
        if is_out_of_memory(error):
            raise
        raise ImageError(f"{path}: damaged, cut off or no clip ({told(error)}); get the file again") from error
    except OSError as error:
        raise ImageError(
            f"{path}: cannot be read ({error.strerror or error}); check its name and permissions"
        ) from error
    with container:
        yield container, _frames_of(container, path)


def read_facts(path: Path) -> ClipFacts:
    """Look at a clip: all of it is read, and nothing decoded.

    Raises:
        ImageError: As of `opened_clip`, or its frames are too large.
    """
    with opened_clip(path) as (container, stream):
        size = stream.codec_context.width, stream.codec_context.height
        try:
            check_pixels(size[0] * size[1])
        except Image.DecompressionBombError as error:
            raise ImageError(
                f"{path}: its frames have {size[0]} x {size[1]} pixels, more than are allowed; if you trust the file, "
                "raise the limit with --max-pixels (udsd.images.set_pixel_limit)"
            ) from error
        rate = stream.average_rate or stream.guessed_rate or USUAL_RATE
        rate = rate if 0 < rate <= _HIGHEST_RATE else USUAL_RATE
        count, expected = _counts(container, stream)
        if min(size) < 1 or count == 0:
            raise ImageError(f"{path}: has no frames; get the file again")
        return ClipFacts(size, codec_name(stream), stream.time_base or 1 / rate, rate, count, expected)


def told(error: Exception) -> str:
    """What an error of FFmpeg says, without its number and the name of the file."""
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__


def codec_name(stream: Any) -> str:
    """FFmpeg's name of what a stream is coded by, whatever decodes it; empty where that is not known."""
    return "" if stream.codec_context is None else str(stream.codec_context.codec.canonical_name)


def is_cover(stream: Any) -> bool:
    """Whether a stream of frames is one picture, as music files have one of their cover."""
    return bool(stream.disposition & stream.disposition.attached_pic)


def _frames_of(container: Container, path: Path) -> VideoStream:
    streams = [stream for stream in container.streams.video if not is_cover(stream)]
    if not streams:
        raise ImageError(f"{path}: has no frames, but sound or nothing; give a clip")
    if streams[0].codec_context is None:
        raise ImageError(
            f"{path}: its frames are coded in a way that cannot be decoded here; convert the file to H.264 first"
        )
    return streams[0]


def _counts(container: Container, stream: VideoStream) -> tuple[int, int]:
    """How many packets of frames that are shown there are, and should be; 0 where that is not told."""
    av = load_av()
    indexed = len(stream.index_entries)
    count = hidden = 0
    try:
        for packet in container.demux(stream):
            count += packet.size > 0
            hidden += packet.size > 0 and packet.is_discard
    except av.error.FFmpegError:
        pass  # what comes before it is told when it is decoded
    # The header counts also what was trimmed off a clip's end, and frames that an AVI skips. A whole index does not.
    expected = min(stream.frames, indexed) if indexed >= count else stream.frames
    return count - hidden, max(expected - hidden, 0)
