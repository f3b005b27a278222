"""The kinds of files that are restored: what opens them, and what writes them.

A new kind is a module with its source and its sink, and one more `FileKind` in `_KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from udsd.errors import ImageError
from udsd.files.options import ReadOptions
from udsd.files.pdf import PdfSink, PdfSource
from udsd.files.sinks import ImageSink, Sink
from udsd.files.sources import Source
from udsd.files.video import VIDEO_SUFFIXES, VideoSink, VideoSource
from udsd.images import ImagePages
from udsd.images.formats import IMAGE_SUFFIXES, format_for
from udsd.images.formats import ending_of as image_ending


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of files.

    Attributes:
        suffixes: File name endings, in lower case.
        open: Opens a file as a source of pages, as the options say.
        sink: Writes pages under a name of these endings, whatever they come from.
        part: What one of its pages is called.
    """

    suffixes: frozenset[str]
    open: Callable[[Path, ReadOptions], Source]
    sink: Sink
    part: str = "page"


_IMAGES = FileKind(IMAGE_SUFFIXES, lambda path, options: ImagePages(path), ImageSink())
_PDFS = FileKind(frozenset({".pdf"}), PdfSource, PdfSink())
_CLIPS = FileKind(VIDEO_SUFFIXES, VideoSource, VideoSink(), "frame")

_KINDS = (_IMAGES, _PDFS, _CLIPS)

_PDF_MARK = b"%PDF-"
_PDF_HEADER = 1024
"""Bytes among which the mark of a PDF lies, as readers have it."""


def known_suffixes() -> frozenset[str]:
    """The endings of what is restored of a folder, in lower case."""
    return frozenset().union(*(kind.suffixes for kind in _KINDS))


def open_source(path: Path, options: ReadOptions | None = None) -> Source:
    """Open a file by its ending; under any other, as an image, which its content tells.

    Raises:
        ImageError: It is missing, damaged, too large or of no kind.
    """
    return _kind_of(path).open(path, options or ReadOptions())


def ending_of(path: Path) -> str:
    """The ending that a file has by its content, in lower case with its dot.

    Raises:
        ImageError: It is of no kind.
    """
    with path.open("rb") as file:
        if _PDF_MARK in file.read(_PDF_HEADER):
            return ".pdf"
        ending = image_ending(file)
    if not ending:
        open_source(path).close()  # which says what is wrong with it
        raise ImageError(f"{path}: of a format that is not known by its content; save it as a file")
    return ending


def sink_for(target: Path) -> Sink:
    """What writes a file of this name.

    Raises:
        ImageError: The ending names no format, or one that cannot be written as installed.
        ConfigError: What writes it is not installed.
    """
    sink = _kind_of(target).sink
    sink.check(target)
    return sink


def part_name(path: Path) -> str:
    """What a page of a file is called, by its ending: of a clip it is a frame."""
    return _kind_of(path).part


def is_same_kind(first: Path, second: Path) -> bool:
    """Whether two names are of files of one kind, as ``a.jpg`` and ``b.png`` are."""
    return _kind_of(first) is _kind_of(second)


def is_same_format(first: Path, second: Path) -> bool:
    """Whether two names are of files of one format, as ``a.jpg`` and ``b.jpeg`` are; both must have a sink."""
    if first.suffix.lower() == second.suffix.lower():
        return True
    return _kind_of(first) is _kind_of(second) is _IMAGES and format_for(first) is format_for(second)


def _kind_of(path: Path) -> FileKind:
    return next((kind for kind in _KINDS if path.suffix.lower() in kind.suffixes), _IMAGES)
