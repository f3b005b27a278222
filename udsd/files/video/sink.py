"""Writing a clip: the one that came, with restored frames in the places of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from udsd.atomic import whole_file
from udsd.errors import ImageError
from udsd.files.options import WriteOptions
from udsd.files.parts import Key, Parts, parts_of
from udsd.files.restorer import NotRestoredError
from udsd.files.sources import Comparison, Source
from udsd.files.video.blending import REACH, Blender
from udsd.files.video.codecs import Codec, check_container, choose_codec
from udsd.files.video.frames import Pixels, page_pixels
from udsd.files.video.muxing import Segments, Timing, write_clip
from udsd.files.video.opening import load_av
from udsd.files.video.segments import SEGMENTS, Coding, SegmentEncoder, segment_length
from udsd.files.video.source import VideoSource
from udsd.images import Page
from udsd.images.mark import mark_file
from udsd.side_threads import side_threads

_BEHIND = 2
"""Frames that wait to be blended and coded."""

_WARMING = 8
"""Frames before the first that is due, that are restored once more: what is held by frames builds on them."""


class VideoSink:
    """Writes a clip out of one that was read, whole or not at all."""

    def check(self, target: Path) -> None:
        """Make sure that clips of this name can be written here.

        Raises:
            ImageError: They are only read.
            ConfigError: What reads and writes them is not installed.
        """
        check_container(target)
        load_av()

    def write(self, pages: Iterator[Page], target: Path, source: Source, options: WriteOptions) -> None:
        """Put restored frames in the places of those of the source, copy all else, and mark the file.

        Finished segments are kept in a hidden folder beside the result until that is there: a run that was killed is
        continued by the next of the same model and options.

        Args:
            pages: The frames of the source, each restored only when it is taken.
            target: The file.
            source: A clip; of others none is made.
            options: How frames are coded.

        Raises:
            ImageError: The source is no clip, none of its frames can be decoded, or the file cannot be written.
            NotRestoredError: No frame was restored, for all are sharp or no model is for them.
            ConfigError: The file does not take the codec.
            UdsdError: Whatever is raised where the pages come from.
        """
        if isinstance(source, Comparison):
            raise ImageError(
                f"{source.path}: a picture of before and after is no clip; give it another format (--format png)"
            )
        if not isinstance(source, VideoSource):
            raise ImageError(f"{source.path}: is no clip, and clips are made of clips alone; name another format")
        codec = choose_codec(target, options.codec, source.facts.codec)
        recipe = f"{options!r}\0{codec!r}\0{source.is_steady}"
        try:
            with parts_of(target, source.path, recipe, SEGMENTS) as parts:
                keys = _finished(parts)
                done = sum(count for _, count in keys)
                source.begin_at(max(done - _WARMING, 0) if source.is_steady else done)
                writer = _SegmentWriter(parts, source, codec, options.quality, done)
                _take_all(pages, source, writer)
                keys += writer.keys
                if done == 0 and source.restored == 0:
                    parts.clear()
                    raise _nothing_restored(source)
                _write_whole(target, source, keys, parts)
        except OSError as error:
            raise ImageError(
                f"{target}: cannot be written ({error.strerror or error}); check the folder and the disk"
            ) from error


class _SegmentWriter:
    """Codes frames into segments, and keeps each that is whole.

    Args:
        parts: Where they are kept.
        source: Where the frames come from.
        codec: What they are coded by.
        quality: As of `udsd.files.options.WriteOptions`.
        first: Number of the first frame that is due.
    """

    def __init__(self, parts: Parts[bytes], source: VideoSource, codec: Codec, quality: int | None, first: int) -> None:
        self._parts = parts
        self._source = source
        self._codec = codec
        self._quality = quality
        self._next = first
        self._encoder: SegmentEncoder | None = None
        self._length = segment_length(source.pixel_count)
        self.keys: list[Key] = []

    def add(self, number: int, pixels: Pixels) -> None:
        """Code a frame; those before the first that is due are left out.

        Raises:
            ImageError: The encoder refuses it.
            OSError: The segment cannot be written.
        """
        if number < self._next:
            return
        if self._encoder is None:
            self._encoder = SegmentEncoder(self._coding())
        self._encoder.add(pixels)
        if self._encoder.count == self._length:
            self.finish()

    def _coding(self) -> Coding:
        form = self._source.form
        if form is None:
            raise ImageError(f"{self._source.path}: none of its frames can be decoded; get the file again")
        return Coding(self._codec, self._quality, form, self._source.facts.rate)

    def finish(self) -> None:
        """Keep the segment that was begun; errors are as of `add`."""
        if self._encoder is None:
            return
        key = (self._next, self._encoder.count)
        self._parts.add(key, self._encoder.finish())
        self.keys.append(key)
        self._next += self._encoder.count
        self._encoder = None


def _finished(parts: Parts[bytes]) -> list[Key]:
    """Keys of the segments that lie at the beginning of the clip without a gap."""
    counts = dict(parts.finished)
    keys: list[Key] = []
    while (first := sum(count for _, count in keys)) in counts:
        keys.append((first, counts[first]))
    return keys


def _take_all(pages: Iterator[Page], source: VideoSource, writer: _SegmentWriter) -> None:
    """Blend and code frames while the next are being restored."""
    blender = Blender(REACH if source.is_steady else 0)

    def take(number: int, pixels: Pixels) -> None:
        for blended in blender.push(number, pixels):
            writer.add(*blended)

    with side_threads(1, "udsd-video-write") as coder:
        coding: deque[Future[None]] = deque()
        for page in pages:
            frame = source.current
            coding += [coder.submit(take, refused.number, refused.pixels) for refused in source.take_refused()]
            if frame is not None:
                coding.append(coder.submit(take, frame.number, page_pixels(page)))
            del page, frame
            while len(coding) > _BEHIND:
                coding.popleft().result()
        coding += [coder.submit(take, refused.number, refused.pixels) for refused in source.take_refused()]
        for future in coding:
            future.result()
    for blended in blender.rest():
        writer.add(*blended)
    writer.finish()


def _nothing_restored(source: VideoSource) -> ImageError:
    if source.problems and not source.outcomes:
        number, reason = source.problems[0]
        return ImageError(f"{source.path}: none of its frames can be restored (frame {number}: {reason})")
    if set(source.outcomes) == {"sharp"}:
        return NotRestoredError(f"{source.path}: all of its frames are sharp already", "sharp")
    return NotRestoredError(f"{source.path}: there is no model for any of its frames", "unsuitable")


def _write_whole(target: Path, source: VideoSource, keys: list[Key], parts: Parts[bytes]) -> None:
    def read(key: Key) -> bytes:
        segment = parts.get(key)
        if segment is None:
            raise ImageError(f"{target}: a part of it that was finished is gone; run again")
        return segment

    timing = Timing(source.times, source.end, source.facts.time_base)
    display = None if source.form is None else source.form.display
    with whole_file(target) as unfinished:
        problems = write_clip(unfinished, target.suffix.lower(), source.path, Segments(keys, read), timing, display)
        mark_file(unfinished)
    source.problems += [(1, problem) for problem in problems]
