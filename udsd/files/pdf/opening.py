"""Opening PDFs: what may go wrong, and how much work a file may make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from udsd.errors import ConfigError, ImageError
from udsd.extras import require
from udsd.images.limits import check_pages
from udsd.out_of_memory import is_out_of_memory
from udsd.regular import NotRegularError, open_regular

Pdf: TypeAlias = Any
"""A `pikepdf.Pdf`. The package is imported only where it is needed."""

PdfObject: TypeAlias = Any
"""A `pikepdf.Object`: a stream, a dictionary, a page."""

Matrix: TypeAlias = Any
"""A `pikepdf.Matrix`."""

_EXTRA = "pdf"
_BYTES_A_PIXEL = 8
"""Of the largest that is decoded: four inks of 16 bits."""
_LARGEST_LIMIT = 2**32 - 1
_EXPANDING = ("flate_max_memory", "png_max_memory", "tiff_max_memory", "run_length_max_memory")

_bound = 0
"""The limit that was set last; 0 is none."""


def load_pikepdf() -> Any:
    """The package that reads and writes PDFs.

    Raises:
        ConfigError: It is not installed.
    """
    return require("pikepdf", "pikepdf", _EXTRA)


def load_pdfium() -> Any:
    """The package that decodes JBIG2 and fax.

    Raises:
        ConfigError: It is not installed.
    """
    return require("pypdfium2", "pypdfium2", _EXTRA)


@contextmanager
def open_pdf(path: Path, password: str | None) -> Iterator[Pdf]:
    """Open a PDF; it is closed after the block.

    Raises:
        ImageError: It is missing, damaged, encrypted with another password, or has no or too many pages; the message
            names the file.
    """
    try:
        load_pikepdf()
    except ConfigError as error:
        raise ImageError(f"{path}: {error}") from error
    _bound_expansion()
    # By a file that is open: pikepdf takes no path that is not UTF-8.
    with _opened(path) as file, closing(_read(file, path, password)) as pdf:
        _check(pdf, path)
        yield pdf


def _opened(path: Path) -> BufferedReader:
    try:
        return open_regular(path)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file; check the path") from error
    except NotRegularError as error:
        raise ImageError(f"{path}: {error.strerror}; give a file") from error
    except OSError as error:
        raise ImageError(
            f"{path}: cannot be read ({error.strerror or error}); check its name and permissions"
        ) from error


def _read(file: BufferedReader, path: Path, password: str | None) -> Pdf:
    pikepdf = load_pikepdf()
    try:
        return pikepdf.open(file, password=password or "")
    except pikepdf.PasswordError as error:
        told = "it is encrypted" if password is None else "it is encrypted with another password"
        raise ImageError(f"{path}: {told}; give its password with --password (password=)") from error
    except OSError as error:
        raise ImageError(
            f"{path}: cannot be read ({error.strerror or error}); check its name and permissions"
        ) from error
    # qpdf's own kinds of errors, and whatever its binding makes of others.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ImageError(f"{path}: damaged or no PDF ({one_line(error, path)}); get the file again") from error


def one_line(error: Exception, path: Path | None = None) -> str:
    """What an error of qpdf says, without the name of the file, which stands before it."""
    reason = " ".join(str(error).split()) or type(error).__name__
    # As pikepdf calls an open file.
    name = f"stream <_io.BufferedReader name={str(path)!r}>"
    return reason.removeprefix(f"{name}: ").removeprefix(f"{name} ")


def _check(pdf: Pdf, path: Path) -> None:
    try:
        count = len(pdf.pages)
    except Exception as error:  # as above
        raise ImageError(f"{path}: damaged ({one_line(error, path)}); get the file again") from error
    if count == 0:
        raise ImageError(f"{path}: has no pages; get the file again")
    try:
        check_pages(count)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error


def _bound_expansion() -> None:
    """Have qpdf expand no stream beyond what the largest image takes: a few bytes may hold gigabytes of zeros.

    qpdf knows limits for the whole process alone; those that the program around has set are left as they are.
    """
    global _bound
    settings = require("pikepdf.settings", "pikepdf", _EXTRA)
    most = Image.MAX_IMAGE_PIXELS
    bound = 0 if most is None else min(_BYTES_A_PIXEL * most, _LARGEST_LIMIT)
    if bound == _bound:
        return
    now = settings.get_qpdf_limits()
    settings.set_qpdf_limits(**{name: bound for name in _EXPANDING if now[name] in (0, _bound)})
    _bound = bound
