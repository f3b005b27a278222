"""What benchmarks of kinds of file have in common: a network that does next to nothing, and the memory of a process."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from udsd.domains import DeblurOptions, Restoration
from udsd.images import DecodedImage


class Darker:
    """In place of a network: as good as nothing is done."""

    device = torch.device("cpu")

    def restore_decoded(  # noqa: D102
        self, images: Sequence[DecodedImage[Any]], options: DeblurOptions | None = None, on_progress: Any = None
    ) -> list[Restoration]:
        return [Restoration(image.pixels.sub_(0.01)) for image in images]


def tell_memory(script: str, count: int, things: str) -> None:
    """Print the peak of a tenth and of all: what ``script --peak-of N`` prints is `peak_and_size`."""
    for some in (max(1, count // 10), count):
        told = subprocess.check_output([sys.executable, script, "--peak-of", str(some)], text=True)  # noqa: S603
        peak, size = (int(number) / 1e6 for number in told.split())
        print(f"{some} {things}: peak of {peak:.0f} MB, result of {size:.0f} MB")


def peak_and_size(result: Path) -> str:
    """The peak of this process's memory, and the size of a file, in bytes."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024} {result.stat().st_size}"
