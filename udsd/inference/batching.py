"""Batches of images of one size, out of images of all sizes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

import torch

_WINDOW = 4
"""Times a batch: so many images later one that still waits for others of its size goes without them."""

_Image = TypeVar("_Image")


def images_together(device: torch.device, batch_size: int) -> int:
    """How many images of one size are run together: a batch on a GPU, one on a CPU, where more are no faster."""
    return 1 if device.type == "cpu" else batch_size


def in_batches(
    images: Iterable[_Image], size_of: Callable[[_Image], Hashable], batch_size: int
) -> Iterator[list[_Image]]:
    """Group images of one size, taking no more of them than four batches before they are wanted.

    Args:
        images: Anything; taken one by one.
        size_of: What must be the same within a batch. What has None is handed on at once, by itself.
        batch_size: Largest batch.

    Returns:
        Batches of 1 to ``batch_size``. Within one the order is kept; a batch can come before images that were earlier.
    """
    waiting: dict[Hashable, tuple[int, list[_Image]]] = {}
    for number, image in enumerate(images):
        size = size_of(image)
        _, batch = waiting.setdefault(size, (number, []))
        batch.append(image)
        if size is None or len(batch) == batch_size:
            yield waiting.pop(size)[1]
        # Sizes stand in the order of their first images: however many others come, none waits for ever.
        oldest = next(iter(waiting), None)
        if oldest is not None and number - waiting[oldest][0] >= _WINDOW * batch_size:
            yield waiting.pop(oldest)[1]
    yield from (batch for _, batch in waiting.values())
