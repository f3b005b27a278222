"""A Space on the Hugging Face Hub: the page of ``udsd serve``, within limits that a free machine can bear."""

from __future__ import annotations

import os
import sys

from udsd.cli import main

LIMITS = (
    *("--max-size", "20MB", "--max-files", "5", "--max-pixels", "12000000", "--max-pages", "10", "--max-frames", "100"),
    *("--max-time", "3min", "--max-waiting", "20", "--max-stored", "2GB", "--keep", "30min"),
)

if __name__ == "__main__":
    host = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0")  # noqa: S104  # a Space is there for others
    port = os.environ.get("GRADIO_SERVER_PORT", "7860")
    sys.exit(main(["serve", "--host", host, "--port", port, *LIMITS]))
