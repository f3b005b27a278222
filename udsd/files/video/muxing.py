"""Segments and all else that a clip holds, as one file: sound, subtitles, timestamps, rotation, chapters, metadata."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from udsd.errors import ImageError
from udsd.files.parts import Key
from udsd.files.video.opening import Container, VideoStream, codec_name, is_cover, load_av, opened_clip, told
from udsd.files.video.segments import packets_of, template_of

_FAST_START = {"movflags": "+faststart"}
"""What is needed to begin playing comes first, as pages of the web want it."""

_OF_THE_FILE = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration"})
"""Metadata that tell of the file that came, and not of what it shows."""

_COPIED = ("audio", "subtitle")

_WITH_ATTACHMENTS = "matroska"
"""FFmpeg's name of the files that hold fonts, and covers as files of their own."""

_WITH_COVERS = "mp4"
"""The same of those that hold covers as streams. FFmpeg takes such streams for others too, and writes no picture."""

_PICTURES = {
    "mjpeg": ("cover.jpg", "image/jpeg"),
    "png": ("cover.png", "image/png"),
    "bmp": ("cover.bmp", "image/bmp"),
}
"""What covers are coded by: the usual name of a file of it, and its media type."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When frames are shown.

    Attributes:
        times: Of each frame, in units of ``time_base``, rising.
        end: When the last one ends.
        time_base: The unit in seconds.
    """

    times: Sequence[int]
    end: int
    time_base: Fraction

    def length(self, number: int) -> int:
        """For how long a frame is shown."""
        following = self.times[number + 1] if number + 1 < len(self.times) else self.end
        return following - self.times[number]

    def decoded_at(self, place: int, delay: int) -> int:
        """When the packet at a place of the file is decoded: ``delay`` frames before that frame is shown.

        It never falls, and none is later than its own frame is shown, whatever the times are.
        """
        if place >= delay:
            return self.times[place - delay]
        return self.times[0] - (delay - place) * self.length(0)


@dataclass(frozen=True, slots=True)
class Segments:
    """The frames of a clip.

    Attributes:
        keys: First frame and number of frames of each segment, in their order.
        read: Gives a segment by its key.
    """

    keys: Sequence[Key]
    read: Callable[[Key], bytes]

    def delay(self) -> int:
        """By how many places a frame may come after its turn in the file: encoders change their order."""
        found = 0
        for key in self.keys:
            for place, packet in enumerate(packets_of(self.read(key))):
                found = max(found, place - packet.pts)
        return found

    def packets(self, timing: Timing, stream: VideoStream) -> Iterator[Any]:
        """All packets, timed, for a stream of the file that is written."""
        delay, place = self.delay(), 0
        for key in self.keys:
            for packet in packets_of(self.read(key)):
                number = key[0] + packet.pts
                packet.time_base = timing.time_base
                packet.pts, packet.dts = timing.times[number], timing.decoded_at(place, delay)
                packet.duration = timing.length(number)
                packet.stream = stream
                place += 1
                yield packet


def write_clip(
    target: Path, ending: str, source: Path, segments: Segments, timing: Timing, display: tuple[int, ...] | None
) -> list[str]:
    """Write a clip whole.

    Args:
        target: The file that is written.
        ending: Of the name that it will have, in lower case.
        source: The clip that came, of which all else is copied.
        segments: Its frames.
        timing: When they are shown.
        display: The matrix by which players turn frames, or None.

    Returns:
        What a user should know of what could not be copied, as sentences.

    Raises:
        ImageError: The clip that came cannot be read any more, or the file not be made of it.
        OSError: The file cannot be written.
    """
    av = load_av()
    with opened_clip(source) as (container, shown):
        options = _FAST_START if ending in (".mp4", ".m4v", ".mov") else {}
        try:
            with (
                template_of(segments.read(segments.keys[0])) as template,
                av.open(str(target), "w", format=_muxer(ending), options=options) as output,
            ):
                frames = output.add_stream_from_template(template, opaque=True)
                frames.time_base = timing.time_base
                frames.metadata.update(_metadata(shown))
                if display is not None:
                    frames.set_display_matrix(display)
                covers = _covers(source)
                copies, problems = _other_streams(container, shown, output, covers)
                output.metadata.update(_metadata(container))
                output.set_chapters(container.chapters())
                for packet in _cover_packets(covers, copies):
                    output.mux(packet)
                for packet in _merged(segments.packets(timing, frames), _copied(container, copies, covers)):
                    output.mux(packet)
        except (av.error.InvalidDataError, av.error.ArgumentError, ValueError) as error:
            raise ImageError(
                f"{source}: its frames, sound or subtitles do not go into a {ending} file ({told(error)}); name "
                "another ending (--format mkv)"
            ) from error
        return problems


def _muxer(ending: str) -> str:
    return {".mkv": "matroska", ".m4v": "mp4"}.get(ending, ending.removeprefix("."))


def _metadata(of: Any) -> dict[str, str]:
    return {name: value for name, value in of.metadata.items() if name.lower() not in _OF_THE_FILE}


def _covers(source: Path) -> dict[int, bytes]:
    """The cover pictures of a clip that some files take, by the number of their stream."""
    av = load_av()
    found: dict[int, bytes] = {}
    with opened_clip(source) as (container, _):  # of its own: what is read for them does not come again
        covers = [stream for stream in container.streams.video if is_cover(stream)]
        streams = [stream for stream in covers if codec_name(stream) in _PICTURES]
        with suppress(av.error.FFmpegError):
            for packet in container.demux(streams) if streams else ():
                if packet.size:
                    found.setdefault(packet.stream.index, bytes(packet))
                if len(found) == len(streams):
                    break
    return found


def _cover_packets(covers: dict[int, bytes], copies: dict[int, Any]) -> Iterator[Any]:
    av = load_av()
    for index, picture in covers.items():
        if index in copies:
            packet = av.Packet(picture)
            packet.stream, packet.time_base = copies[index], copies[index].time_base
            packet.pts = packet.dts = 0
            yield packet


def _other_streams(
    container: Container, shown: VideoStream, output: Any, covers: dict[int, bytes]
) -> tuple[dict[int, Any], list[str]]:
    """Make room for what is copied, by the number of its stream; and what cannot be."""
    copies, problems = {}, []
    for stream in container.streams:
        if stream.index == shown.index:
            continue
        name = codec_name(stream)
        attaches = output.format.name == _WITH_ATTACHMENTS
        copied = stream.type in _COPIED or (stream.index in covers and output.format.name == _WITH_COVERS)
        if attaches and stream.type == "attachment":
            output.add_attachment(stream.name or "attachment", stream.mimetype or "", stream.data)
        elif attaches and stream.index in covers:
            usual, mimetype = _PICTURES[name]
            output.add_attachment(stream.metadata.get("filename", usual), mimetype, covers[stream.index])
        elif copied and _is_taken(stream, output):
            copies[stream.index] = _add_copy(stream, output)
        else:
            what = f"{stream.type} ({name})" if name else stream.type
            problems.append(f"stream {stream.index}, {what}, is left out: a {output.format.name} file does not take it")
    return copies, problems


def _add_copy(stream: Any, output: Any) -> Any:
    copy = output.add_stream_from_template(stream, opaque=True)
    copy.time_base = stream.time_base
    copy.metadata.update(_metadata(stream))
    copy.disposition = stream.disposition
    if stream.type == "audio" and stream.codec_context.layout.name == f"{stream.codec_context.channels} channels":
        # AVI and Matroska do not say which is left; MP4 must. It is the usual order, by which players go too.
        copy.codec_context.layout = f"{stream.codec_context.channels}c"
    return copy


def _is_taken(stream: Any, output: Any) -> bool:
    """Whether a file takes a stream: some are refused only when the header is written, so one is written for it."""
    if codec_name(stream) not in output.supported_codecs:
        return False
    av = load_av()
    trial = av.open(io.BytesIO(), "w", format=output.format.name)
    try:
        _add_copy(stream, trial)
        trial.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    finally:
        with suppress(av.error.FFmpegError):  # what ends a file of no packets is not asked
            trial.close()
    return True


def _copied(container: Container, copies: dict[int, Any], covers: dict[int, bytes]) -> Iterator[Any]:
    av = load_av()
    streams = [container.streams[index] for index in copies if index not in covers]
    if not streams:
        return
    try:
        for packet in container.demux(streams):
            if packet.size and packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                yield packet
    except av.error.FFmpegError:
        return  # that the file is cut off has been told where its frames were decoded


def _merged(frames: Iterator[Any], others: Iterator[Any]) -> Iterator[Any]:
    """Packets of both in the order in which they are decoded."""
    other = next(others, None)
    for packet in frames:
        while other is not None and other.dts * other.time_base <= packet.dts * packet.time_base:
            yield other
            other = next(others, None)
        yield packet
    while other is not None:
        yield other
        other = next(others, None)
