"""Pictures of any size, window by window: blur differs from place to place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from udsd.consistency.correction import MARGIN, correction
from udsd.consistency.kernels import estimate_kernel
from udsd.images.levels import GREY_LEVEL
from udsd.images.resizing import resized

_SIDE, _AREA = 512, 400_000
"""Most rows of a window, and most pixels: small enough for one kernel, and large enough to find it. A strip of text is
one window."""

_OVERLAP, _DEAD = 96, 16
"""Pixels that neighbouring windows share at least, and how far from its border a window counts for nothing there."""

_SMALLEST = 48
"""Shorter side in pixels of pictures that are changed: in smaller ones there is too little to find a kernel by."""

_STEPS = 2
"""With a better restoration a better kernel is found. Measured in November 2026 on 24 strips of text: 25.67 dB before,
27.79 after one step, 28.11 after two, with a CER of 0.178, 0.125 and 0.108; further ones bring no more."""

_ROOM = 8
"""Images of one size that a GPU is to have room for: a restoration, its picture, the change, and the same resized."""

_FLAT = 2 * GREY_LEVEL
"""Standard deviation in a window under which there is nothing that a kernel could be found by."""


@dataclass(frozen=True, slots=True)
class _Window:
    """Rows or columns of a window, the stop excluded, and whether others share those at its ends."""

    start: int
    stop: int
    shared_before: int
    shared_after: int

    def weights(self, device: torch.device) -> Tensor:
        """How much the window counts at each of its places; with its neighbours' the sum is 1."""
        weights = torch.ones(self.stop - self.start, device=device)
        if self.shared_before:
            weights[: self.shared_before] *= _rise(self.shared_before, device)
        if self.shared_after:
            weights[-self.shared_after :] *= 1 - _rise(self.shared_after, device)
        return weights


def made_consistent(
    restored: Tensor, blurred: Tensor, *, enlarged: float = 1, device: torch.device | None = None
) -> Tensor:
    """Change a restoration, in place, so that it explains its picture.

    Args:
        restored: (3, H, W), float32 in [-1, 1].
        blurred: The picture, of the same shape and in the same units.
        enlarged: How many times its own size the picture is. What is finer than its own pixels it says nothing of.
        device: Where to compute, whatever device the images are on, if it is one of CUDA: others lack some of what it
            takes, so that for them, as for None, the CPU computes.

    Returns:
        ``restored``.
    """
    if device is not None and restored.device.type == "cpu" and _has_room(device, restored):
        on_device = made_consistent(restored.to(device), blurred.to(device), enlarged=enlarged, device=device)
        return restored.copy_(on_device)
    if enlarged > 1:
        shape = [max(round(side / enlarged), 1) for side in restored.shape[-2:]]
        # Where the resizing overshoots, the end of the range would be taken for a change.
        before, measured = (resized(image[None], *shape)[0].clamp_(-1, 1) for image in (restored, blurred))
        change = made_consistent(before.clone(), measured, device=device) - before
        return restored.add_(resized(change[None], *restored.shape[-2:])[0]).clamp_(-1, 1)
    height, width = restored.shape[-2:]
    if min(height, width) < _SMALLEST:
        return restored
    if device is None or device.type != "cuda":
        device = torch.device("cpu")
    rows = [*_windows(height, min(height, _SIDE))]
    columns = [*_windows(width, min(width, max(_AREA // min(height, _SIDE), 1)))]
    for _ in range(_STEPS):
        # Every window is to see the restoration as it was.
        change = torch.zeros_like(restored)
        for row in rows:
            for column in columns:
                place = (slice(None), slice(row.start, row.stop), slice(column.start, column.stop))
                picture = blurred[place].to(device)
                grey = picture.mean(dim=0)
                if grey.std() < _FLAT:
                    continue
                estimate = estimate_kernel(restored[place].to(device).mean(dim=0), grey)
                found = correction(_with_margin(restored, row, column).to(device), picture, estimate)
                found *= row.weights(device)[:, None] * column.weights(device)
                change[place] += found.to(change.device)
        restored.add_(change).clamp_(-1, 1)
    return restored


def _has_room(device: torch.device, image: Tensor) -> bool:
    """Whether a GPU of CUDA has the memory to change an image there in one piece, and not only window by window."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return _ROOM * image.nbytes < free + unused


def _windows(length: int, side: int) -> Iterator[_Window]:
    """Windows of at most so many pixels that cover a length, evenly spread."""
    count = 1 if side >= length else math.ceil((length - _OVERLAP) / max(side - _OVERLAP, 1))
    if count > 2:
        # No more than two share a place.
        side = min(side, 2 * length // (count + 1))
    starts = [round((length - side) * number / max(count - 1, 1)) for number in range(count)]
    for number, start in enumerate(starts):
        before = 0 if number == 0 else starts[number - 1] + side - start
        after = 0 if number == count - 1 else start + side - starts[number + 1]
        yield _Window(start, start + side, before, after)


def _rise(length: int, device: torch.device) -> Tensor:
    """From 0 to 1 over what two windows share, without the ends, where each knows little; mirrored it adds up to 1."""
    dead = min(_DEAD, length // 4)
    steps = length - 2 * dead
    places = (torch.arange(length, device=device) - dead + 0.5) / steps
    return places.clamp(0, 1)


def _with_margin(image: Tensor, rows: _Window, columns: _Window) -> Tensor:
    """A window of an image (C, H, W) with `MARGIN` around it; beyond the image its last pixels are repeated."""
    places = [
        torch.arange(window.start - MARGIN, window.stop + MARGIN, device=image.device).clamp(0, side - 1)
        for window, side in ((rows, image.shape[-2]), (columns, image.shape[-1]))
    ]
    return image.index_select(-2, places[0]).index_select(-1, places[1])
