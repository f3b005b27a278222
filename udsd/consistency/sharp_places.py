"""Places of a picture that its blur has not reached: a frame, a stamp or a box drawn upon a blurred page."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

_AROUND = 9
"""Pixels a side over which detail is compared; a letter's stroke and the paper beside it."""

_SHARPER = (4, 8)
"""Ratio of the detail of a picture to that of its restoration blurred again. Up to the first the picture is as blurred
as its kernel makes it, from the second on it is not blurred there. By as much it is sharper than its restoration where
that has lost something."""

_FARTHER = (0.1, 0.3)
"""Ratio of the energy by which a picture differs from its restoration blurred again, to that by which it differs from
the restoration as it is. Blurring it explains what was blurred: up to the first nothing counts as sharp, from the
second on all of it may.

Both were chosen in November 2026 by drawn pages with frames, boxes and stamps, and by strips whose kernels are wrong in
the first step."""

_NOISE = 4
"""Times what is found in most places that the kernel does not explain, which no detail of the picture is."""

_FLOOR = 1e-6
"""Added to all energies, so that empty paper is sharp nowhere."""


def sharp_places(restored: Tensor, blurred: Tensor, again: Tensor) -> Tensor | None:
    """Where a picture is as sharp as its restoration, though its kernel would have blurred it.

    What such places differ by from the restoration blurred again is no error of the restoration. Taken for one, it
    would become ghosts as wide as the kernel, which explain the picture well.

    Args:
        restored: (C, H, W), grey levels in [-1, 1] or light (`curves.py`).
        blurred: The picture, of the same shape and in the same unit.
        again: The restoration blurred again.

    Returns:
        (H, W), from 0, where the picture is blurred, to 1; or None where all of it is.
    """
    shown, in_again, unexplained = (_detail(image) for image in (blurred, again, blurred - again))
    found = _above(shown / (in_again + _NOISE * unexplained.median() + _FLOOR), _SHARPER)
    if not found.any():  # of most pictures no more is asked
        return None
    found = found * (1 - _above(shown / (_detail(restored) + _FLOOR), _SHARPER))
    from_again, way = (_averaged((blurred - image).mean(dim=0).square()) for image in (again, restored))
    found = found * _above(from_again / (way + _FLOOR), _FARTHER)
    if not found.any():
        return None
    # Blurred again, an edge has changed what lies beside it too.
    for kernel, margin in (((_AROUND, 1), (_AROUND // 2, 0)), ((1, _AROUND), (0, _AROUND // 2))):
        found = F.max_pool2d(found[None], kernel, 1, margin)[0]
    return _averaged(found)


def _detail(image: Tensor) -> Tensor:
    """Local energy (H, W) of what is finer than some two pixels in the grey of an image (C, H, W)."""
    grey = image.mean(dim=0)[None, None]
    weights = grey.new_tensor([1, 2, 1]) / 4
    around = F.conv2d(F.pad(grey, [1] * 4, mode="replicate"), (weights[:, None] * weights)[None, None])
    return _averaged((grey - around)[0, 0].square())


def _averaged(values: Tensor) -> Tensor:
    """Values (H, W), averaged around each place."""
    return F.avg_pool2d(values[None], _AROUND, 1, _AROUND // 2, count_include_pad=False)[0]


def _above(ratio: Tensor, bounds: tuple[float, float]) -> Tensor:
    low, high = bounds
    return ((ratio - low) / (high - low)).clamp(0, 1)
