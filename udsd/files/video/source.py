"""A clip as a source: its frames, one after another."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from udsd.domains import Outcome
from udsd.errors import ImageError
from udsd.files.options import ReadOptions
from udsd.files.video.frames import FrameForm, Pixels, VideoFrame, decoded_frame, upright_pixels
from udsd.files.video.opening import Container, VideoStream, load_av, opened_clip, read_facts, told
from udsd.images import DecodedImage, Page
from udsd.out_of_memory import memory_errors
from udsd.side_threads import side_threads

_SAMPLES = 5
"""Frames that are looked at to tell what a clip shows."""

_AHEAD = 2
"""Frames that are decoded before their turn."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame of a clip.

    Attributes:
        number: From 0.
        pixels: As it came.
    """

    number: int
    pixels: Pixels


class VideoSource:
    """The frames of a clip in the order in which they are shown, each decoded when it is asked for.

    The next ones are decoded while one is being restored. What cannot be decoded is left out and told in `problems`,
    as long as there is something else.

    Args:
        path: The file.
        options: How it is read.

    Attributes:
        path: The file.
        is_steady: Whether decisions are held, and results smoothed, from frame to frame.
        facts: What was known before a frame was decoded.
        count: How many frames there are, as far as that can be told.
        pixel_count: Pixels of a frame.
        position: Of the frame given last, from 0.
        page: Its number, from 1.
        form: How frames are stored; known when the first is decoded.
        times: When frames are shown, in units of the clip's time base; of all that have been decoded.
        end: When the last of these ends.
        current: The frame given last.
        problems: What a user should know of frames: the number, and a sentence.
        outcomes: Why frames stay as they are although nothing went wrong, and how many.

    Raises:
        ImageError: The file cannot be opened, has no frames, or too large ones.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path = path
        self.is_steady = options.steady
        self.facts = read_facts(path)
        self.count = self.facts.count
        self.pixel_count = self.facts.size[0] * self.facts.size[1]
        self.position, self.page = 0, 1
        self.form: FrameForm | None = None
        self.times: list[int] = []
        self.end = 0
        self.current: Frame | None = None
        self.problems: list[tuple[int, str]] = []
        self.outcomes: Counter[Outcome] = Counter()
        self._refused: deque[Frame] = deque()
        self._first = self._given = self._unchanged = 0

    def begin_at(self, number: int) -> None:
        """Give no frames before this one. It is said before the first is asked for."""
        self._first = number

    def keep(self, outcome: Outcome) -> None:
        """Say that the frame given last stays as it is: it is sharp, or no model is for it."""
        self.outcomes[outcome] += 1
        self._unchanged += 1

    def refuse(self, reason: str) -> None:
        """Say that the frame given last stays as it is, for something went wrong with it."""
        if all(reason != told for _, told in self.problems):  # thousands of frames would say the same
            self.problems.append((self.page, reason))
        self._unchanged += 1
        if self.current is not None:
            self._refused.append(self.current)

    @property
    def restored(self) -> int:
        """How many frames were restored so far."""
        return self._given - self._unchanged

    def take_refused(self) -> Iterator[Frame]:
        """Frames that were refused since this was asked last."""
        while self._refused:
            yield self._refused.popleft()

    def samples(self) -> list[DecodedImage[Page]]:
        """A few frames from all over the clip; those that cannot be decoded are left out."""
        av = load_av()
        found = []
        with opened_clip(self.path) as (container, stream):
            for place in range(_SAMPLES):
                try:
                    if container.duration:
                        part = Fraction(2 * place + 1, 2 * _SAMPLES)
                        container.seek(int((container.start_time or 0) + container.duration * part))
                    frame = next(container.decode(stream))
                except (av.error.FFmpegError, StopIteration):
                    continue
                found.append(decoded_frame(upright_pixels(frame, FrameForm.of(frame))))
                if not container.duration:
                    break
        return found

    def __iter__(self) -> Iterator[DecodedImage[Page]]:
        """The frames in order.

        Raises:
            ImageError: None can be decoded.
        """
        frames = self._frames()
        with side_threads(1, "udsd-video-read") as reader:
            ahead = deque(reader.submit(next, frames, None) for _ in range(_AHEAD))
            while (read := ahead.popleft().result()) is not None:
                ahead.append(reader.submit(next, frames, None))
                self.current, decoded = read
                self.position, self.page = self.current.number, self.current.number + 1
                self._given += 1
                del read
                yield decoded
        if not self.times:
            raise ImageError(f"{self.path}: none of its frames can be decoded; get the file again")

    def close(self) -> None:
        """Nothing is held open between frames of different runs."""

    def _frames(self) -> Iterator[tuple[Frame, DecodedImage[Page]]]:
        with memory_errors(str(self.path)), opened_clip(self.path) as (container, stream):
            stream.thread_type = "AUTO"
            sizes: Counter[tuple[int, int]] = Counter()
            for number, frame in enumerate(self._decoded(container, stream)):
                if self.form is None:
                    self.form = FrameForm.of(frame, stream.sample_aspect_ratio)
                self._take_time(frame)
                size = (frame.width, frame.height)
                if size != self.form.size and not sizes[size]:
                    self.problems.append((number + 1, _told_size(size, self.form.size)))
                sizes[size] += 1
                if number >= self._first:
                    pixels = upright_pixels(frame, self.form)
                    yield Frame(number, pixels), decoded_frame(pixels)
        if self.facts.expected > len(self.times):
            missing = self.facts.expected - len(self.times)
            self.problems.append(
                (len(self.times), f"{missing} frames are missing behind this one: the file is cut off")
            )

    def _decoded(self, container: Container, stream: VideoStream) -> Iterator[VideoFrame]:
        av = load_av()
        damaged = 0
        try:
            for packet in container.demux(stream):
                try:
                    yield from packet.decode()
                except av.error.FFmpegError as error:
                    damaged += 1
                    if damaged == 1:
                        self.problems.append((len(self.times) + 1, f"frames are damaged from here on ({told(error)})"))
        except av.error.FFmpegError as error:
            self.problems.append((len(self.times), f"the file is damaged behind this frame ({told(error)})"))

    def _take_time(self, frame: VideoFrame) -> None:
        step = max(round(1 / (self.facts.rate * self.facts.time_base)), 1)
        time = frame.pts
        if time is None or (self.times and time <= self.times[-1]):
            time = self.end if self.times else 0
            if self.times and time <= self.times[-1]:
                time = self.times[-1] + 1
        self.times.append(time)
        self.end = time + (getattr(frame, "duration", None) or step)


def _told_size(size: tuple[int, int], first: tuple[int, int]) -> str:
    return (
        f"has {size[0]} x {size[1]} pixels where the first frame has {first[0]} x {first[1]}, to which all are brought"
    )
