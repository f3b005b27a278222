"""Pictures of any size, window by window: blur differs from place to place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from udsd.consistency.correction import MARGIN, blurred_again, correction, without_margin
from udsd.consistency.curves import CURVES, GREY_LEVELS, Curve
from udsd.consistency.kernels import KernelEstimate, Prior, estimate_kernel, fit_kernel
from udsd.consistency.sharp_places import sharp_places
from udsd.images.levels import GREY_LEVEL
from udsd.images.resizing import resized
from udsd.images.windows import Window, covering_windows

_SIDE, _AREA = 512, 400_000
"""Most rows of a window, and most pixels: large enough to find a kernel without knowing anything of it. A strip of text
is one window."""

_PART_SIDE, _PART_AREA = 320, 150_000
"""The same of a part of a window, which has a kernel of its own: large enough to tell how it differs from
the window's."""

_OVERLAP = 96
"""Pixels that neighbouring windows share, and neighbouring parts."""

_VARIES = (1.08, 1.25)
"""Ratio of what a window's kernel leaves over of a part to what a kernel leaves that is of this part alone. Up to the
first the blur is the same all over, and the window's kernel counts for much in the part, from the second on for little.
Measured in November 2026: 0.9 to 1.06 in eight of ten parts of pages that are blurred alike all over, under noise and
compression too; 1.3 and 1.4 in the median where focus is lost gradually or the camera turns."""

_PRIOR_WEIGHTS = (0.3, 0.01)
"""The weight of the window's kernel (`Prior`) at both ends of that."""

_SMALLEST = 48
"""Shorter side in pixels of pictures that are changed: in smaller ones there is too little to find a kernel by."""

_STEPS = 2
"""With a better restoration a better kernel is found. Measured in November 2026 on 24 strips of text: 25.67 dB before,
27.79 after one step, 28.11 after two, with a CER of 0.178, 0.125 and 0.108; further ones bring no more."""

_ROOM = 8
"""Images of one size that a GPU is to have room for: a restoration, its picture, the change, and the same resized."""

_FLAT = 2 * GREY_LEVEL
"""Standard deviation in a window under which there is nothing that a kernel could be found by."""

_WITNESSES = 3
"""Windows, those of most contrast, by which it is found what a picture was blurred in."""

_CERTAIN = 0.01
"""Part of the difference between a picture and its restoration: what leaves less over is what was blurred, and nothing
else is tried. Of 30 strips what was blurred left 0.002 to 0.009 in all but two, anything else 0.023 to 0.8."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a window lies in a picture."""

    row: Window
    column: Window

    def of(self, image: Tensor, device: torch.device) -> Tensor:
        """The window of an image (C, H, W), on a device."""
        return image[:, self.row.start : self.row.stop, self.column.start : self.column.stop].to(device)

    def around(self, image: Tensor, device: torch.device) -> Tensor:
        """The same with `MARGIN` around it; beyond the image its last pixels are repeated."""
        places = [
            torch.arange(window.start - MARGIN, window.stop + MARGIN, device=image.device).clamp(0, side - 1)
            for window, side in ((self.row, image.shape[-2]), (self.column, image.shape[-1]))
        ]
        return image.index_select(-2, places[0]).index_select(-1, places[1]).to(device)

    def within(self, around: Tensor) -> Tensor:
        """The window of an image that has `MARGIN` around it, with as much around it."""
        rows, columns = (slice(window.start, window.stop + 2 * MARGIN) for window in (self.row, self.column))
        return around[:, rows, columns]

    def add(self, found: Tensor, change: Tensor) -> None:
        """Add what was found in the window, on its device, to the change of the image, weighted by the window."""
        found *= self.row.weights(found.device)[:, None] * self.column.weights(found.device)
        self.of(change, change.device).add_(found.to(change.device))

    def deviation(self, image: Tensor) -> float:
        """Standard deviation of the grey of the window."""
        return float(self.of(image, image.device).mean(dim=0).std())


def made_consistent(
    restored: Tensor, blurred: Tensor, *, enlarged: float = 1, device: torch.device | None = None
) -> Tensor:
    """Change a restoration, in place, so that it explains its picture.

    It does so by light or by grey levels, whichever was blurred.

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
    places = _places(height, width, _SIDE, _AREA)
    lively = {place: deviation for place in places if (deviation := place.deviation(blurred)) >= _FLAT}
    witnesses = sorted(lively, key=lively.__getitem__)[-_WITNESSES:]
    curve = _curve_of([(place.around(restored, device), place.of(blurred, device)) for place in witnesses])
    for _ in range(_STEPS):
        # Every window is to see the restoration as it was.
        change = torch.zeros_like(restored)
        for place in lively:
            found = _found(place.around(restored, device), place.of(blurred, device), curve)
            place.add(found, change)
        restored.add_(change).clamp_(-1, 1)
    return restored


def _curve_of(witnesses: Sequence[tuple[Tensor, Tensor]]) -> Curve:
    """What a picture was blurred in: that by which its restoration explains it best.

    Args:
        witnesses: Windows of the restoration, with `MARGIN` around them, and of the picture.
    """
    way = sum(_energy(picture - without_margin(around)) for around, picture in witnesses)
    left = {}
    for curve in CURVES:
        left[curve] = sum(_left_over(around, picture, curve) for around, picture in witnesses)
        if left[curve] < _CERTAIN * way:
            break
    return min(left, key=left.__getitem__)


def _left_over(around: Tensor, picture: Tensor, curve: Curve) -> float:
    """Energy of what a restoration, given with `MARGIN` around it, does not explain of its picture."""
    light, blurred = curve.to_blurred(around), curve.to_blurred(picture)
    kernel = fit_kernel(without_margin(light).mean(dim=0), blurred.mean(dim=0))
    return _energy(picture - curve.back(blurred_again(light, kernel)))


def _energy(image: Tensor) -> float:
    return float(image.square().sum())


def _found(around: Tensor, picture: Tensor, curve: Curve) -> Tensor:
    """The change to a window of a restoration, which is given with `MARGIN` around it."""
    light, blurred = curve.to_blurred(around), curve.to_blurred(picture)
    blurred, again, estimate = _explainable(light, blurred)
    found = torch.zeros_like(blurred)
    height, width = blurred.shape[-2:]
    for place in _places(height, width, _PART_SIDE, _PART_AREA):
        if place.deviation(blurred) >= _FLAT:
            here = place.within(light), place.of(blurred, blurred.device), place.of(again, again.device)
            place.add(_found_in_part(*here, estimate), found)
    # Of grey levels without the rounding of the way there and back.
    return found if curve is GREY_LEVELS else curve.change(without_margin(around), found)


def _found_in_part(around: Tensor, blurred: Tensor, again: Tensor, of_window: KernelEstimate) -> Tensor:
    """The change to a part of a window of a restoration.

    Args:
        around: The part of the restoration, with `MARGIN` around it.
        blurred: That of the picture.
        again: That of the restoration blurred again by the window's kernel.
        of_window: The window's kernel.
    """
    grey, picture = around.mean(dim=0, keepdim=True), blurred.mean(dim=0)
    restored = without_margin(grey)[0]
    left = _energy(picture - again.mean(dim=0))
    left_by_its_own = _energy(picture - blurred_again(grey, fit_kernel(restored, picture))[0])
    sure, never = _VARIES
    trust = min(max((never - left / max(left_by_its_own, 1e-9)) / (never - sure), 0), 1)
    weight = trust * _PRIOR_WEIGHTS[0] + (1 - trust) * _PRIOR_WEIGHTS[1]
    of_part = estimate_kernel(restored, picture, Prior(of_window.kernel, weight))
    # What was expected is no witness that it is right.
    deviation = max(of_part.deviation, trust * of_window.deviation, key=torch.linalg.vector_norm)
    estimate = KernelEstimate(of_part.kernel, deviation)
    return correction(around, blurred, blurred_again(around, estimate.kernel), estimate)


def _explainable(around: Tensor, blurred: Tensor) -> tuple[Tensor, Tensor, KernelEstimate]:
    """A picture without what no kernel explains, its restoration blurred again, and the kernel of that.

    In `sharp_places` the picture is replaced by the restoration blurred again: nothing is learnt from them.
    """
    restored = without_margin(around)
    estimate = estimate_kernel(restored.mean(dim=0), blurred.mean(dim=0))
    again = blurred_again(around, estimate.kernel)
    sharp = sharp_places(restored, blurred, again)
    if sharp is not None:
        blurred = torch.lerp(blurred, again, sharp)
        estimate = estimate_kernel(restored.mean(dim=0), blurred.mean(dim=0))
        again = blurred_again(around, estimate.kernel)
    return blurred, again, estimate


def _places(height: int, width: int, side: int, area: int) -> list[_Place]:
    """Windows of at most so many rows and pixels that cover a picture."""
    columns = [*covering_windows(width, area // min(height, side), _OVERLAP)]
    return [_Place(row, column) for row in covering_windows(height, side, _OVERLAP) for column in columns]


def _has_room(device: torch.device, image: Tensor) -> bool:
    """Whether a GPU of CUDA has the memory to change an image there in one piece, and not only window by window."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return _ROOM * image.nbytes < free + unused
