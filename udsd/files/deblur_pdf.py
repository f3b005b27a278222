"""One PDF, from Python."""

from __future__ import annotations

import os
from collections.abc import Callable

from udsd.domains import DeblurOptions
from udsd.files.one_file import restore_one
from udsd.files.options import ReadOptions, WriteOptions
from udsd.files.page_ranges import PageRange, page_range
from udsd.files.pdf import PdfSink, PdfSource
from udsd.files.report import FileResult
from udsd.files.restorer import Restorer
from udsd.inference.backend import OnProgress


def deblur_pdf(
    deblurrer: Restorer | Callable[[], Restorer],
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    pages: str | PageRange | None = None,
    password: str | None = None,
    quality: int | None = None,
    max_growth: float | None = None,
    options: DeblurOptions | None = None,
    overwrite: bool = True,
    on_progress: OnProgress = lambda share: None,
) -> FileResult:
    """Restore the images of a PDF, each in its place; all else stays as it is.

    If the run is killed, the next of the same model and options goes on where it stopped.

    Args:
        deblurrer: The model: a `udsd.Deblurrer`, or anything that restores decoded images; or what loads it, called
            once it is known that there is something to restore.
        path: The PDF.
        output: The restored PDF, or a folder, where it is called as the PDF is. A file that is there is replaced.
        pages: The pages that are restored, such as ``"3-7,12"``; None for all.
        password: Of a PDF that is encrypted; the result is encrypted likewise.
        quality: Of JPEGs, 1 to 100, instead of that of each.
        max_growth: At most so many times the bytes that came may a JPEG have; its quality gives way.
        options: How images are brought to the model, and how strong the change is.
        overwrite: If false, a file that is there is kept.
        on_progress: Called now and then with the share of the images that is done.

    Returns:
        What became of it. Its ``status`` is ``"restored"``, ``"kept"``, ``"sharp"`` or ``"unsuitable"``, and its
        ``pages`` tell what is to be told of pages, be it that one is damaged and stays as it was.

    Raises:
        ConfigError: An argument is out of range, or ``udsd[pdf]`` is not installed.
        ImageError: The PDF cannot be read, none of its images can be restored, or the result cannot be written or
            would replace the PDF.
        MemoryLimitError: Its only image needs more memory than it may take.

    Example:
        >>> deblur_pdf(Deblurrer.from_pretrained("text"), "scan.pdf", "restored.pdf", pages="3-7")  # doctest: +SKIP
    """
    reading = ReadOptions(page_range(pages), password)
    return restore_one(
        deblurrer,
        path,
        output,
        open_source=lambda opened: PdfSource(opened, reading),
        sink=PdfSink(),
        writing=WriteOptions(quality, max_growth),
        options=options,
        overwrite=overwrite,
        on_progress=on_progress,
    )
