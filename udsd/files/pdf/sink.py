"""Writing a PDF: the one that came, with restored images in the places of its own."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from udsd.atomic import whole_file
from udsd.errors import ImageError
from udsd.files.options import WriteOptions
from udsd.files.parts import parts_of
from udsd.files.pdf.colours import with_palette
from udsd.files.pdf.encoding import Encoded
from udsd.files.pdf.finding import Key, copy_for
from udsd.files.pdf.image import PdfImage
from udsd.files.pdf.opening import Pdf, load_pdfium, load_pikepdf, one_line, open_pdf
from udsd.files.pdf.parts import IMAGES
from udsd.files.pdf.source import PdfSource
from udsd.files.restorer import NotRestoredError
from udsd.files.sources import Comparison, Source
from udsd.images import Page
from udsd.images.mark import mark_file
from udsd.out_of_memory import is_out_of_memory
from udsd.side_threads import side_threads

logger = logging.getLogger(__name__)

_BEHIND = 2
"""Images that wait to be coded."""

_Take = Callable[[Key, Encoded | None], None]


class PdfSink:
    """Writes a PDF out of one that was read, whole or not at all."""

    def check(self, target: Path) -> None:
        """Make sure that PDFs can be written here.

        Raises:
            ConfigError: What reads and writes them is not installed.
        """
        load_pikepdf()
        load_pdfium()

    def write(self, pages: Iterator[Page], target: Path, source: Source, options: WriteOptions) -> None:
        """Put restored images in the places of those of the source, and mark the file.

        Finished images of a PDF with several are kept in a hidden folder beside the result until that is there: a run
        that was killed is continued by the next of the same model and options.

        Args:
            pages: The images of the source, each restored only when it is taken.
            target: The file.
            source: A PDF; of others none is made.
            options: How images are coded.

        Raises:
            ImageError: The source is no PDF, all of its images are damaged, or the file cannot be written.
            NotRestoredError: No image was restored, for all are sharp or no model is for them.
            UdsdError: Whatever is raised where the pages come from.
        """
        if isinstance(source, Comparison):
            raise ImageError(
                f"{source.path}: a picture of before and after is no PDF; give it another format (--format png)"
            )
        if not isinstance(source, PdfSource):
            raise ImageError(f"{source.path}: is no PDF, and PDFs are made of PDFs alone; name another format")
        with ExitStack() as opened:
            try:
                if source.count == 1:
                    alone: dict[Key, Encoded | None] = {}
                    _take_all(pages, source, options, alone.__setitem__)
                    _write_whole(target, source, alone.get)
                    return
                parts = opened.enter_context(parts_of(target, source.path, f"{options!r}", IMAGES))
                source.leave_out(parts.finished)
                _take_all(pages, source, options, parts.add)
                if all(parts.get(key) is None for key in parts.finished):
                    parts.clear()  # there is nothing to go on with
                _write_whole(target, source, parts.get)
            except OSError as error:
                raise ImageError(
                    f"{target}: cannot be written ({error.strerror or error}); check the folder and the disk"
                ) from error


def _take_all(pages: Iterator[Page], source: PdfSource, options: WriteOptions, take: _Take) -> None:
    """Code images while the next are being restored."""
    with side_threads(1, "udsd-pdf-code") as coder:
        coding: deque[Future[None]] = deque()
        for page in pages:
            image = source.current
            if image is None:
                continue
            if source.is_kept(image.slot.key):
                take(image.slot.key, None)
                continue
            coding.append(coder.submit(_code, image, page, source, options, take))
            del page, image
            while len(coding) > _BEHIND:
                coding.popleft().result()
        for future in coding:
            future.result()


def _code(image: PdfImage, page: Page, source: PdfSource, options: WriteOptions, take: _Take) -> None:
    try:
        encoded = image.encoded(page, options)
    # Encoders raise many kinds of errors; one image does not stop the others.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        if source.count == 1:
            raise ImageError(f"{source.path}: its image cannot be coded ({one_line(error)})") from error
        source.problems.append((image.slot.page, f"cannot be coded ({one_line(error)})"))
        take(image.slot.key, None)
        return
    if encoded.note:
        source.problems.append((image.slot.page, encoded.note))
    take(image.slot.key, encoded)


def _write_whole(target: Path, source: PdfSource, finished: Callable[[Key], Encoded | None]) -> None:
    pikepdf = load_pikepdf()
    with open_pdf(source.path, source.password) as pdf:
        restored = 0
        shared = {slot.key for slot in source.slots if slot.is_shared and finished(slot.key) is not None}
        copies = {} if source.pages is None else copy_for(pdf, source.pages, shared)
        for slot in source.slots:
            encoded = finished(slot.key)
            if encoded is not None:
                _put(copies.get(slot.key, pdf.get_object(slot.key)), encoded)
                restored += 1
        if restored == 0:
            raise _nothing_restored(source)
        if _is_signed(pdf):
            logger.warning("%s: is signed; the signature does not hold for the restored file", source.path)
        with whole_file(target) as unfinished:
            try:
                pdf.save(
                    unfinished,
                    encryption=pdf.is_encrypted,
                    linearize=pdf.is_linearized,
                    fix_metadata_version=False,
                    preserve_pdfa=_is_pdfa(pdf),
                    # Else no two runs give the same bytes. Encryption takes its key from the other kind.
                    deterministic_id=not pdf.is_encrypted,
                )
            except pikepdf.PdfError as error:
                raise ImageError(f"{source.path}: damaged ({error}); get the file again") from error
            mark_file(unfinished)


def _nothing_restored(source: PdfSource) -> ImageError:
    if source.problems:
        page, reason = source.problems[0]
        return ImageError(f"{source.path}: none of its images can be restored (page {page}: {reason})")
    if source.outcomes == {"sharp"}:
        return NotRestoredError(f"{source.path}: all of its images are sharp already", "sharp")
    return NotRestoredError(f"{source.path}: there is no model for any of its images", "unsuitable")


def _put(stream: Any, encoded: Encoded) -> None:
    """Give an image other data."""
    pikepdf = load_pikepdf()
    parameters = pikepdf.Dictionary(**encoded.parameters) if encoded.parameters else None
    for name in ("/DecodeParms", "/Filter"):
        if name in stream:
            del stream[name]
    stream.write(encoded.data, filter=pikepdf.Name(encoded.filter), decode_parms=parameters)
    if encoded.bits:
        stream["/BitsPerComponent"] = encoded.bits
    if encoded.palette is not None:
        stream["/ColorSpace"] = with_palette(stream["/ColorSpace"], encoded.palette)


def _is_pdfa(pdf: Pdf) -> bool:
    """Whether a file says that it is PDF/A. pikepdf would put its own metadata in the place of what it cannot read."""
    metadata = pdf.Root.get("/Metadata")
    return isinstance(metadata, load_pikepdf().Stream) and b"pdfaid" in metadata.read_bytes()


def _is_signed(pdf: Pdf) -> bool:
    form = pdf.Root.get("/AcroForm")
    flags = form.get("/SigFlags") if isinstance(form, load_pikepdf().Dictionary) else None
    return isinstance(flags, int) and bool(flags & 1)
