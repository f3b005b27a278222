"""PDF documents, rendered to images of their pages, on which the text models are trained."""

from __future__ import annotations

import errno
import hashlib
import logging
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from udsd.degradation.workers import map_in_processes
from udsd.errors import ConfigError, ImageError
from udsd.extras import require
from udsd.images import remove_unfinished, save_image
from udsd.regular import open_regular

logger = logging.getLogger(__name__)

_POINTS_PER_INCH = 72
_INK_LEVEL = 128
"""Grey level (0 to 255) under which a pixel counts as ink."""


@dataclass(frozen=True, slots=True)
class DocumentConfig:
    """How documents are turned into page images.

    Attributes:
        dpi: Lowest and highest resolution in dots per inch; each page draws its own from this range.
        pages_per_document: At most this many pages of one document, spread evenly over it.
        minimum_ink: Pages with a smaller fraction of dark pixels (blank pages, full-page photographs on
            white) are left out.
        seed: Seed of the drawn resolutions. A page's resolution depends only on the seed, the name of its
            file and its number, so that another run gives the same images.
    """

    dpi: tuple[int, int] = (110, 160)
    pages_per_document: int = 20
    minimum_ink: float = 0.005
    seed: int = 0

    def __post_init__(self) -> None:
        low, high = self.dpi
        if not 36 <= low <= high <= 1200:
            raise ConfigError(f"dpi is {low} to {high}; give a range within 36 to 1200, the lower one first")
        if self.pages_per_document < 1:
            raise ConfigError(f"pages_per_document is {self.pages_per_document}; give at least 1")
        if self.seed < 0:
            raise ConfigError(f"seed is {self.seed}; give 0 or more")


def is_held_out(document: Path) -> bool:
    """Whether a document is for testing: those of a tenth of the folders, chosen by the SHA-256 of the folder's name.

    By folder, since documents of one folder often have pages in common.
    """
    digest = hashlib.sha256(document.absolute().parent.name.encode()).hexdigest()
    return int(digest, 16) % 10 == 0


def render_documents(
    documents: Sequence[Path],
    output: Path,
    config: DocumentConfig | None = None,
    processes: int = 1,
) -> list[Path]:
    """Render the pages of PDF documents to ``output/FOLDER-STEM-pNNNN.png`` (RGB, 8 bits).

    Documents and pages that cannot be read are logged and left out, as is a second document of the same folder name
    and stem as another.

    Args:
        documents: PDF files.
        output: Folder for the images; made when missing.
        config: Resolution range and selection of pages.
        processes: Worker processes.

    Returns:
        The files written, in the order of the documents and their pages.

    Raises:
        ConfigError: pypdfium2 is not installed.
        MemoryLimitError: A worker process was killed, most often for its memory.
        ImageError: No page came out of any document, or an image cannot be written.
    """
    config = config or DocumentConfig()
    documents = _without_name_clashes(documents)
    render = partial(_render_document, output=output, config=config)
    remove_unfinished(output)
    rendered = map_in_processes(render, documents, processes) if processes > 1 else map(render, documents)
    written = [path for paths in rendered for path in paths]
    if not written:
        raise ImageError(f"no page could be rendered from {len(documents)} document(s); give readable PDF files")
    return written


def _render_document(document: Path, output: Path, config: DocumentConfig) -> list[Path]:
    pypdfium2 = require("pypdfium2", "pypdfium2, which reads PDF files,", "train")
    written = []
    with ExitStack() as opened:
        try:
            file = opened.enter_context(open_regular(document))
            pdf = opened.enter_context(pypdfium2.PdfDocument(file))
        except (pypdfium2.PdfiumError, OSError) as error:
            logger.warning("left out %s: %s", document, error)
            return []
        count = len(pdf)
        chosen = np.unique(np.linspace(0, count - 1, min(count, config.pages_per_document)).astype(int))
        for number in chosen.tolist():
            target = output / f"{_document_name(document)}-p{number + 1:04d}.png"
            draw = np.random.default_rng([config.seed, zlib.crc32(target.name.encode())])
            dpi = int(draw.integers(config.dpi[0], config.dpi[1], endpoint=True))
            try:
                page = pdf[number].render(scale=dpi / _POINTS_PER_INCH).to_pil().convert("RGB")
            except pypdfium2.PdfiumError as error:
                logger.warning("left out page %d of %s: %s", number + 1, document, error)
                continue
            if np.mean(np.asarray(page.convert("L")) < _INK_LEVEL) < config.minimum_ink:
                continue
            try:
                save_image(page, target)
            except ImageError as error:
                if not _is_of_the_name(error):
                    raise
                logger.warning("left out %s: %s", document, error)
                break
            written.append(target)
    return written


def _is_of_the_name(error: ImageError) -> bool:
    """Whether an image could not be written because names made of such a folder and file are too long."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENAMETOOLONG


def _without_name_clashes(documents: Sequence[Path]) -> list[Path]:
    """Leave out documents whose pages would overwrite those of another."""
    named: dict[str, Path] = {}
    for document in documents:
        first = named.setdefault(_document_name(document), document)
        if first.absolute() != document.absolute():
            logger.warning("left out %s: its pages would be named like those of %s", document, first)
    return list(named.values())


def _document_name(document: Path) -> str:
    """Folder and stem, since document collections often have several files of one name."""
    return f"{document.absolute().parent.name}-{document.stem}"
