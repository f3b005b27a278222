"""``udsd serve``: a page in the browser."""

from __future__ import annotations

import logging
import webbrowser
from argparse import Namespace
from functools import partial

from udsd.cli.commands import load_deblurrer
from udsd.cli.output import print_line
from udsd.inference.memory import parse_memory
from udsd.pretrained import load_manifest, resolve
from udsd.serving import Limits, serve
from udsd.serving.models import Models

logger = logging.getLogger(__name__)

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def run(options: Namespace) -> int:
    """Serve the page until it is stopped."""
    limits = _limits(options)
    if options.model is not None:
        resolve(options.model)  # a wrong name is told now, not to each visitor
    models = Models(load_manifest(), partial(load_deblurrer, options), options.device, options.model)
    if options.host not in _LOOPBACK:
        logger.warning(
            "%s is reached from other machines, without a password or encryption; put a proxy that has both in front "
            "where that is not wanted",
            options.host,
        )

    def tell(address: str) -> None:
        print_line(f"{address} is open; Ctrl-C closes it and deletes all files")
        if options.open:
            webbrowser.open(address)

    serve(models, limits, host=options.host, port=options.port, on_start=tell)
    return 0


def _limits(options: Namespace) -> Limits:
    """What the options say, and the defaults for the rest."""
    given = {
        "file_bytes": None if options.max_size is None else parse_memory(options.max_size),
        "files": options.max_files,
        "pixels": options.max_pixels,
        "pages": options.max_pages,
        "frames": options.max_frames,
        "seconds": options.max_time,
        "waiting": options.max_waiting,
        "keep_seconds": options.keep,
        "stored_bytes": None if options.max_stored is None else parse_memory(options.max_stored),
    }
    return Limits(**{name: value for name, value in given.items() if value is not None})
