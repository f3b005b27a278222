"""What was uploaded: a picture, a PDF or a clip; and whether it is taken."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from udsd.errors import ConfigError, ImageError
from udsd.files.kinds import is_same_kind, open_source, part_name, sink_for
from udsd.files.sources import Clip
from udsd.serving.limits import Limits

_PDF, _CLIP = Path("any.pdf"), Path("any.mp4")

_EXTRAS = ((_PDF, "PDFs", "pdf"), (_CLIP, "clips", "video"))
"""Names of kinds that take an extra, what they are called, and the extra."""

_WRITTEN = "mp4"
"""Ending of the results of clips whose own ending is only read."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded.

    Attributes:
        path: The file.
        count: How many pages, images or frames it has, as far as that is known.
        part: What one of these is called.
        refusal: Why it is not worked on, else empty.
    """

    path: Path
    count: int = 1
    part: str = "page"
    refusal: str = ""

    def place(self, number: int) -> str:
        """What part ``number``, from 0, is called; empty where there is but one."""
        return f"{self.part} {number + 1} of {self.count}" if self.count > 1 else ""


def look_at(path: Path, limits: Limits) -> Upload:
    """Look at a file before it is its turn: nothing is decoded.

    A file that cannot be opened is not refused here: what restores it says what is wrong with it.
    """
    part = part_name(path)
    for kind, called, extra in _EXTRAS:
        if is_same_kind(path, kind) and not _is_installed(kind):
            return Upload(path, part=part, refusal=f"{called} cannot be restored here: {_told_missing(extra)}")
    try:
        with closing(open_source(path)) as source:
            count, is_clip = source.count, isinstance(source, Clip)
    except (ImageError, OSError, ValueError):
        return Upload(path, part=part)
    if is_clip and count > limits.frames:
        return Upload(
            path,
            count,
            part,
            f"has {count} frames, more than the {limits.frames} that are allowed; cut it, or have the limit raised "
            "(--max-frames)",
        )
    return Upload(path, count, part)


def is_picture(path: Path) -> bool:
    """Whether a file is neither a PDF nor a clip, by its name."""
    return not any(is_same_kind(path, kind) for kind, *_ in _EXTRAS)


def format_for(path: Path, wanted: str | None) -> str | None:
    """The format that the result of a file has, as an ending; None for that of the file.

    Args:
        path: The file.
        wanted: The format that is wanted of files of its kind; others keep their own.
    """
    if wanted is not None and is_same_kind(path, Path(f"any.{wanted.removeprefix('.')}")):
        return wanted
    if is_same_kind(path, _CLIP):
        try:
            sink_for(path)
        except ImageError:
            return _WRITTEN
    return None


def taken_kinds() -> list[str]:
    """What kinds of files are taken as installed, in words."""
    return ["pictures", *(called for kind, called, _ in _EXTRAS if _is_installed(kind))]


def missing_kinds() -> list[str]:
    """A sentence for each kind of files that is not taken as installed."""
    return [
        f"{called[0].upper()}{called[1:]} cannot be restored here: {_told_missing(extra)}."
        for kind, called, extra in _EXTRAS
        if not _is_installed(kind)
    ]


def _is_installed(kind: Path) -> bool:
    try:
        sink_for(kind)
    except ConfigError:
        return False
    return True


def _told_missing(extra: str) -> str:
    # What is to be run names folders of this machine, which are not for visitors.
    return f"udsd's extra {extra} is not installed"
