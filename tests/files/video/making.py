"""Clips to test with, drawn here, and what is in a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray

from udsd.domains import DeblurOptions, Restoration
from udsd.images import DecodedImage

Pixels = NDArray[np.uint8]

TIME_BASE = Fraction(1, 600)
STEP = 40  # 15 frames a second


def picture(number: int, size: tuple[int, int] = (96, 64)) -> Pixels:
    """Soft waves that move by two pixels a frame, and become a little bluer, (height, width, 3)."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    x = x - 2 * number
    waves = [127 + 80 * np.sin(x / 9), 127 + 80 * np.cos(y / 7), 40 + (x + y) % 64 + 3 * number]
    return np.stack(waves, axis=-1).astype(np.uint8)


def make(
    path: Path,
    count: int = 10,
    *,
    size: tuple[int, int] = (96, 64),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    times: Sequence[int] | None = None,
    rotation: int = 0,
    sound: bool | str = False,
    draw: Callable[[int, tuple[int, int]], Pixels] = picture,
    options: dict[str, str] | None = None,
    color: dict[str, int] | None = None,
    time_base: Fraction = TIME_BASE,
) -> Path:
    """Write a clip of frames that are shown at ``times`` (units of ``time_base``); ``sound`` may name a codec."""
    times = [STEP * number for number in range(count)] if times is None else times
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=15, options=options if options is not None else {"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = *size, pixel_format
        stream.time_base = stream.codec_context.time_base = time_base
        for name, value in (color or {}).items():
            setattr(stream.codec_context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        stream.metadata["language"] = "fra"
        coded_by = "aac" if sound is True else sound
        audio: Any = container.add_stream(coded_by, rate=48000, layout="stereo") if coded_by else None
        container.metadata["title"] = "a clip"
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(draw(number, size), format="rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = time, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            _add_sound(container, audio, float(times[-1] * time_base))
    return path


def _add_sound(container: Any, stream: Any, seconds: float) -> None:
    rate = 48000
    samples = np.arange(int(rate * seconds))
    tone = (0.3 * np.sin(2 * np.pi * 440 * samples / rate)).astype(np.float32)
    for start in range(0, len(tone) - 1023, 1024):
        frame = av.AudioFrame.from_ndarray(np.stack([tone[start : start + 1024]] * 2), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@dataclass
class Content:
    """What is in a file."""

    frames: list[Pixels] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    rotation: int = 0
    codec: str = ""
    pixel_format: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    language: str | None = None
    others: dict[str, list[bytes]] = field(default_factory=dict)
    colors: tuple[int, ...] = ()


def read(path: Path) -> Content:
    """All that is in a file; of streams beside the first with frames, the packets."""
    content = Content()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        content.codec, content.pixel_format = context.codec.canonical_name, context.pix_fmt or ""
        content.colors = (context.color_range, context.color_primaries, context.color_trc, context.colorspace)
        content.metadata, content.language = dict(container.metadata), stream.language
        for frame in container.decode(stream):
            content.frames.append(frame.to_ndarray(format="rgb24"))
            content.seconds.append(float(frame.time))
            content.rotation = frame.rotation
    with av.open(str(path)) as container:
        for stream in container.streams:
            if stream.index != container.streams.video[0].index:
                content.others[f"{stream.index} {stream.type}"] = [
                    bytes(packet) for packet in container.demux(stream) if packet.size
                ]
    return content


class Darker:
    """In place of a model: darkens, and notes the mean of each frame."""

    device = torch.device("cpu")
    title = "darker"

    def __init__(self, stop_at: int | None = None) -> None:
        self.seen: list[float] = []
        self.shapes: list[tuple[int, ...]] = []
        self._stop_at = stop_at

    def restore_decoded(
        self, images: Sequence[DecodedImage[Any]], options: DeblurOptions | None = None, on_progress: Any = None
    ) -> list[Restoration]:
        if len(self.seen) == self._stop_at:
            raise KeyboardInterrupt
        self.seen += [round(float(image.pixels.mean()), 4) for image in images]
        self.shapes += [tuple(image.pixels.shape[-2:]) for image in images]
        return [Restoration(image.pixels - 0.2) for image in images]
