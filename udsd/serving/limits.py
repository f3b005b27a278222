"""How much work visitors of the page may make."""

from __future__ import annotations

import math
from dataclasses import dataclass

from udsd.arguments import real_number, whole_number


@dataclass(frozen=True, slots=True)
class Limits:
    """How much work visitors of the page may make.

    Attributes:
        file_bytes: Largest file, in bytes.
        files: Most files of one request.
        pixels: Largest picture, page or frame, in pixels.
        pages: Most pages of a document, or pictures of an animation.
        frames: Most frames of a clip.
        seconds: Longest time for the files of one request, once it is their turn.
        waiting: Most requests that wait for their turn; one is worked on at a time.
        keep_seconds: Time after which files are deleted, for those who never close their page.
        stored_bytes: Most bytes of files that are kept at a time, those of all visitors together.

    Raises:
        ConfigError: A limit is no number, or too small.
    """

    file_bytes: int = 50_000_000
    files: int = 20
    pixels: int = 40_000_000
    pages: int = 100
    frames: int = 1000
    seconds: float = 300.0
    waiting: int = 30
    keep_seconds: float = 3600.0
    stored_bytes: int = 4_000_000_000

    def __post_init__(self) -> None:
        for name in ("file_bytes", "files", "pixels", "pages", "frames", "waiting", "stored_bytes"):
            object.__setattr__(self, name, whole_number(name, getattr(self, name), 1))
        for name in ("seconds", "keep_seconds"):
            number = real_number(name, getattr(self, name), 1, math.inf, "a number of seconds, at least 1")
            object.__setattr__(self, name, number)

    @property
    def request_bytes(self) -> int:
        """Largest upload: all files of one request, and what frames them."""
        return self.files * (self.file_bytes + 10_000)
