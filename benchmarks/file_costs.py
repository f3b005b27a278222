"""What benchmarks of kinds of file have in common: what stands in for a network, its time, a process's memory."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from udsd import Deblurrer
from udsd.domains import DeblurOptions, Restoration
from udsd.images import DecodedImage

AS_IT_IS = DeblurOptions(scale="off")
"""Looking for the size of letters is no part of the network, and would hide what the kind of file costs."""


class Darker:
    """In place of a network: as good as nothing is done."""

    device = torch.device("cpu")

    def restore_decoded(  # noqa: D102
        self, images: Sequence[DecodedImage[Any]], options: DeblurOptions | None = None, on_progress: Any = None
    ) -> list[Restoration]:
        return [Restoration(image.pixels.sub_(0.01)) for image in images]


class Remembered:
    """In place of a network, what it has made of the same images before: all else is done as ever.

    Args:
        restorations: Of the images, in the order in which they will come.
    """

    device = torch.device("cpu")

    def __init__(self, restorations: Iterable[Restoration]) -> None:
        self._rest = iter(restorations)

    def restore_decoded(  # noqa: D102
        self, images: Sequence[DecodedImage[Any]], options: DeblurOptions | None = None, on_progress: Any = None
    ) -> list[Restoration]:
        return [next(self._rest) for _ in images]


def restored_alone(deblurrer: Deblurrer, decoded: Iterable[DecodedImage[Any]]) -> list[Restoration]:
    """What the network makes of images that were decoded beforehand, which are kept."""
    return [
        restoration
        for image in decoded
        for restoration in deblurrer.restore_decoded([DecodedImage(image.pixels.clone(), image.encode)], AS_IT_IS)
    ]


@contextmanager
def counted(times: list[float]) -> Iterator[None]:
    """Add the processor's time, over all threads, in seconds."""
    start = time.process_time()
    yield
    times.append(time.process_time() - start)


def tell_times(times: Mapping[str, Sequence[float]]) -> None:
    """Print the median of each, and what part of the first it is."""
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    first = next(iter(medians.values()))
    for name, median in medians.items():
        print(f"{name}: {median:.2f} s, {median / first:.1%}")


def tell_memory(script: str, count: int, things: str) -> None:
    """Print the peak of a tenth and of all: what ``script --peak-of N`` prints is `peak_and_size`."""
    for some in (max(1, count // 10), count):
        told = subprocess.check_output([sys.executable, script, "--peak-of", str(some)], text=True)  # noqa: S603
        peak, size = (int(number) / 1e6 for number in told.split())
        print(f"{some} {things}: peak of {peak:.0f} MB, result of {size:.0f} MB")


def peak_and_size(result: Path) -> str:
    """The peak of this process's memory, and the size of a file, in bytes."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024} {result.stat().st_size}"
