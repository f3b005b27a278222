"""Which images the pages of a PDF show, and which way up."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeAlias

from udsd.files.page_ranges import PageRange
from udsd.files.pdf.opening import Matrix, Pdf, PdfObject, load_pikepdf
from udsd.files.pdf.turning import Turning

logger = logging.getLogger(__name__)

Key: TypeAlias = tuple[int, int]
"""Number and generation of an object in its file."""

_MOST_FORMS = 100
"""Forms that are followed on a page."""

SMALLEST = 32
"""Images with a side of fewer pixels are ornaments, and are left as they are."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a PDF where an image lies.

    Attributes:
        key: Of the image's object.
        page: Number of the first page that shows it, from 1.
        turning: Which way up it is shown there.
        size: Width and height in pixels, as its dictionary says.
        is_shared: Whether a page shows it too that is not to be restored.
    """

    key: Key
    page: int
    turning: Turning
    size: tuple[int, int]
    is_shared: bool = False


def find_slots(pdf: Pdf, pages: PageRange | None) -> list[Slot]:
    """The images that pages show, each once, in the order of the pages.

    Left out are stencils, ornaments (`SMALLEST`), and what only a mask or an annotation shows.

    Args:
        pdf: The file.
        pages: The pages, or None for all.
    """
    found: dict[Key, Slot] = {}
    elsewhere: set[Key] = set()
    for number, page in enumerate(pdf.pages, start=1):
        is_chosen = pages is None or number in pages
        for image, turning in _drawn_on(page):
            key = image.objgen
            size = _size(image)
            if not is_chosen:
                elsewhere.add(key)
            elif key not in found and size is not None and min(size) >= SMALLEST:
                found[key] = Slot(key, number, turning, size)
    return [replace(slot, is_shared=slot.key in elsewhere) for slot in found.values()]


def copy_for(pdf: Pdf, pages: PageRange, keys: Collection[Key]) -> dict[Key, PdfObject]:
    """Have pages show copies of images in place of these, which stay on the other pages.

    Args:
        pdf: The file.
        pages: The pages.
        keys: Of the images.

    Returns:
        The copies, and those of the forms of the pages, by what they are copies of.
    """
    pikepdf = load_pikepdf()
    copies = {key: _copy_of(pdf, pdf.get_object(key)) for key in keys}
    holders = [page.obj for number, page in enumerate(pdf.pages, start=1) if copies and number in pages]
    while holders:
        holder = holders.pop()
        resources = _inherited(holder, "/Resources")
        objects = _images_and_forms(resources)
        if not objects:
            continue
        named = pikepdf.Dictionary(resources["/XObject"])
        for name, drawn in objects.items():
            key = drawn.objgen
            # A form is copied too, for what it shows; one without resources of its own takes those of its page.
            if drawn.get("/Subtype") == pikepdf.Name.Form and "/Resources" in drawn and key not in copies:
                copies[key] = _copy_of(pdf, drawn)
                holders.append(copies[key])
            named[name] = copies.get(key, drawn)
        own = pikepdf.Dictionary(resources)
        own["/XObject"] = named
        holder["/Resources"] = own
    return copies


def _copy_of(pdf: Pdf, stream: PdfObject) -> PdfObject:
    copy = load_pikepdf().Stream(pdf, stream.read_raw_bytes())
    for name, value in stream.items():
        if name != "/Length":
            copy[name] = value
    return copy


def _drawn_on(page: PdfObject) -> Iterator[tuple[PdfObject, Turning]]:
    pikepdf = load_pikepdf()
    turns = _inherited(page.obj, "/Rotate")
    quarter_turns = round(turns / 90) if isinstance(turns, int | Decimal) else 0
    resources = _inherited(page.obj, "/Resources")
    for image, matrix in _drawn(page, resources, pikepdf.Matrix.identity(), set()):
        yield image, Turning.of((matrix.a, matrix.b), (matrix.c, matrix.d), quarter_turns)


def _drawn(holder: Any, resources: Any, matrix: Matrix, forms: set[Key]) -> Iterator[tuple[Any, Matrix]]:
    """The images that a page or a form draws, each with the matrix that brings the unit square to its place.

    Of forms, which may draw themselves and each other, each is followed once.
    """
    pikepdf = load_pikepdf()
    objects = _images_and_forms(resources)
    if not objects:
        return
    for name, place in _placed(holder, objects, matrix):
        drawn = objects.get(name)
        if drawn is None:
            continue
        if drawn.get("/Subtype") == pikepdf.Name.Image:
            yield drawn, place
        elif drawn.objgen not in forms and len(forms) < _MOST_FORMS:
            forms.add(drawn.objgen)
            own = drawn.get("/Matrix")
            inner = place @ pikepdf.Matrix(own) if own is not None else place
            yield from _drawn(drawn, drawn.get("/Resources", resources), inner, forms)


def _placed(holder: Any, objects: dict[str, Any], matrix: Matrix) -> list[tuple[str, Matrix]]:
    pikepdf = load_pikepdf()
    try:
        placed: list[tuple[str, Matrix]] = pikepdf.get_objects_with_ctm(holder, matrix)
    # Damaged content raises many kinds of errors; the images beside it are still good.
    except Exception as error:
        logger.debug("the content of a page cannot be read (%s); all of its images are taken as upright", error)
        return [(name, matrix) for name in objects]
    return placed


def _images_and_forms(resources: Any) -> dict[str, Any]:
    pikepdf = load_pikepdf()
    if not isinstance(resources, pikepdf.Dictionary):
        return {}
    objects = resources.get("/XObject")
    if not isinstance(objects, pikepdf.Dictionary):
        return {}
    kinds = (pikepdf.Name.Image, pikepdf.Name.Form)
    return {
        str(name): drawn
        for name, drawn in objects.items()
        if isinstance(drawn, pikepdf.Stream) and drawn.get("/Subtype") in kinds and not _is_stencil(drawn)
    }


def _is_stencil(image: PdfObject) -> bool:
    return image.get("/ImageMask") is True


def _size(image: PdfObject) -> tuple[int, int] | None:
    width, height = image.get("/Width"), image.get("/Height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


def _inherited(node: Any, name: str) -> Any:
    """An attribute of a page, or of the branch of the page tree that it hangs from."""
    for _ in range(100):
        if node is None or name in node:
            break
        node = node.get("/Parent")
    return None if node is None else node.get(name)
