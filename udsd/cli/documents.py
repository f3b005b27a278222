"""``udsd-train prepare-pages``: PDF documents to images of their pages."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from udsd.cli.output import print_line
from udsd.degradation import DocumentConfig, is_held_out, render_documents
from udsd.errors import ImageError
from udsd.images.folders import find_files
from udsd.paths import is_file, is_folder

logger = logging.getLogger(__name__)


def prepare_pages(options: Namespace) -> int:
    """Render documents to images."""
    documents = _documents(options.documents)
    if options.split is not None:
        documents = [document for document in documents if is_held_out(document) == (options.split == "test")]
    given = {"dpi": options.dpi and tuple(options.dpi), "pages_per_document": options.pages_per_document}
    config = DocumentConfig(**{name: value for name, value in given.items() if value is not None})
    written = render_documents(documents, options.output, config, options.processes)
    print_line(f"{len(written)} pages in {options.output}")
    return 0


def _documents(given: Sequence[Path]) -> list[Path]:
    """PDF files, and those in folders; what cannot be found is told and left out."""
    documents = []
    for path in given:
        found = [path] if is_file(path) else sorted(find_files(path, (".pdf",))) if is_folder(path) else []
        if not found:
            logger.warning("%s is no PDF file and no folder with PDF files, and is left out", path)
        documents += found
    if not documents:
        raise ImageError(f"{given[0]} is no PDF file and no folder with PDF files")
    return documents
