"""A model that sees pictures window by window, each with statistics and a blur code of its own.

What networks normalise by are means over the whole image, and they have learnt with those of small crops. Over a large
picture such a mean is of much that looks otherwise, above all where the blur differs from place to place: Chu et al.,
"Improving Image Restoration by Revisiting Global Information Aggregation", ECCV 2022.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from udsd.domains.domain import Restore
from udsd.images.windows import Window, covering_windows
from udsd.inference.backend import OnProgress, as_part

OVERLAP = 64
"""Pixels that neighbouring windows share: there the one leads into the other."""

_TOGETHER = 8
"""Windows that go to the model in one batch."""


def in_windows(model: Restore, side: int) -> Restore:
    """A model that restores windows of at most ``side`` pixels a side; smaller images go to it as they are."""

    def restore(images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        height, width = images.shape[-2:]
        rows = [*covering_windows(height, side, OVERLAP)]
        columns = [*covering_windows(width, side * side // min(height, side), OVERLAP)]
        if len(rows) == len(columns) == 1:
            return model(images, overwrite=overwrite, on_progress=on_progress)
        result = images if overwrite else torch.empty_like(images)
        shared = images[..., :0, :]
        for number, row in enumerate(rows):
            tell = None if on_progress is None else as_part(on_progress, number, len(rows))
            band = _restored_band(images[..., row.start : row.stop, :], columns, model, tell)
            band *= row.weights(band.device)[:, None]
            band[..., : row.shared_before, :] += shared
            shared = band[..., band.shape[-2] - row.shared_after :, :].clone()
            # What the next band needs as it came is not yet overwritten.
            result[..., row.start : row.stop - row.shared_after, :] = band[..., : band.shape[-2] - row.shared_after, :]
        return result

    return restore


def _restored_band(band: Tensor, columns: Sequence[Window], model: Restore, tell: OnProgress | None) -> Tensor:
    """Images (B, 3, H, W) of the height of a window, restored; ``band`` stays as it is."""
    result = torch.zeros_like(band)
    size = max(_TOGETHER // len(band), 1)
    groups = [columns[first : first + size] for first in range(0, len(columns), size)]
    for number, group in enumerate(groups):
        parts = torch.cat([band[..., column.start : column.stop] for column in group])
        restored = model(
            parts, overwrite=True, on_progress=None if tell is None else as_part(tell, number, len(groups))
        )
        for column, part in zip(group, torch.split(restored, len(band)), strict=True):
            result[..., column.start : column.stop] += part * column.weights(part.device)
    return result
