"""A plug-in for OCRmyPDF: what it reads is restored first.

    ocrmypdf --plugin udsd.ocrmypdf_plugin scan.pdf read.pdf
    ocrmypdf --plugin udsd.ocrmypdf_plugin --udsd-pages --force-ocr scan.pdf restored_and_read.pdf

By default only what the engine reads is restored, and pages look as they did. With ``--udsd-pages`` they look restored
too; OCRmyPDF has an image of the whole page to restore only where it makes one, as with ``--force-ocr``.

Sizes and resolutions are kept. A picture that is sharp, or of which there is no model, stays as it is; so does one that
cannot be restored, which is told. A model is loaded once in each of OCRmyPDF's processes, when the first page needs it.
"""

from __future__ import annotations

import argparse
import functools
import logging
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pluggy
from PIL import Image

from udsd.errors import ImageError, MemoryLimitError, UdsdError

hookimpl = pluggy.HookimplMarker("ocrmypdf")
"""As OCRmyPDF has it, which needs not be imported to mark a function for it."""

log = logging.getLogger(__name__)

_RESTORING = threading.Lock()
"""OCRmyPDF may work on several pages in threads; a network has all cores anyway."""


@hookimpl
def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the plug-in's own arguments to those of ``ocrmypdf``."""
    group = parser.add_argument_group("udsd", "Restore blurred pages")
    group.add_argument("--udsd-model", metavar="MODEL", default="text", help="zoo name, model folder or Hub repository")
    group.add_argument("--udsd-device", metavar="DEVICE", default="auto", help="auto, cpu, cuda or cuda:N")
    group.add_argument(
        "--udsd-pages", action="store_true", help="pages look restored too, where their images are made (--force-ocr)"
    )


@hookimpl
def check_options(options: Any) -> None:
    """Say before the first page if a model cannot be had."""
    from ocrmypdf.exceptions import BadArgsError

    from udsd.pretrained import resolve

    try:
        resolve(_option(options, "model", "text"))
    except UdsdError as error:
        raise BadArgsError(str(error)) from error
    if _option(options, "pages", False) and not _is_forced(options):
        log.warning("--udsd-pages changes nothing without --force-ocr, since there are no images of whole pages")


@hookimpl(wrapper=True)
def filter_ocr_image(page: Any, image: Image.Image) -> Generator[None, Image.Image | None, Image.Image]:
    """Restore what the engine reads, behind the filter of the engine itself, which makes huge pages smaller.

    Args:
        page: OCRmyPDF's context of the page.
        image: The page, of any mode.

    Returns:
        An image of the same size, with the same resolution.
    """
    filtered = yield
    return _restored(page.options, image if filtered is None else filtered, f"page {page.pageno + 1}")


@hookimpl
def filter_page_image(page: Any, image_filename: Path) -> Path:
    """Restore how a page looks, where that is wanted.

    Args:
        page: OCRmyPDF's context of the page.
        image_filename: An image of the whole page.

    Returns:
        A file beside it in the same format, of the same size and resolution; or the file itself, if it stays.
    """
    if not _option(page.options, "pages", False):
        return image_filename
    with Image.open(image_filename) as image:
        restored = _restored(page.options, image, f"page {page.pageno + 1}")
        if restored is image:
            return image_filename
        if image.mode == "1":
            dpi = restored.info.get("dpi")
            restored = restored.convert("1", dither=Image.Dither.NONE)
            restored.info["dpi"] = dpi
    from udsd.images import save_image

    target = image_filename.with_name(f"{image_filename.stem}_udsd{image_filename.suffix}")
    save_image(restored, target)
    return target


def _restored(options: Any, image: Image.Image, name: str) -> Image.Image:
    """The image restored, or the very same if it stays as it is."""
    from udsd.images import decode_image

    try:
        with _RESTORING:
            decoded = decode_image(image)
            deblurrer = _deblurrer(_option(options, "model", "text"), _option(options, "device", "auto"))
            (restoration,) = deblurrer.restore_decoded([decoded])
    except (ImageError, MemoryLimitError) as error:
        log.warning("%s is not restored: %s", name, error)
        return image
    if restoration.outcome != "restored":
        log.debug("%s stays as it is: %s", name, restoration.outcome)
        return image
    restored: Image.Image = decoded.encode(restoration.pixels)
    if "dpi" in image.info:
        restored.info["dpi"] = image.info["dpi"]
    return restored


@functools.cache
def _deblurrer(model: str, device: str) -> Any:
    # Not before a page is there: workers that have none need no model.
    from udsd.deblurrer import Deblurrer

    return Deblurrer.from_pretrained(model, device=device)


def _is_forced(options: Any) -> bool:
    return bool(getattr(options, "force_ocr", False)) or str(getattr(options, "mode", "")).endswith("force")


def _option(options: Any, name: str, default: Any) -> Any:
    """An argument of ours; where OCRmyPDF was called from Python without it, its default."""
    value = getattr(options, f"udsd_{name}", None)
    return default if value is None else value
