"""What a network sees in place of what is fully transparent."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_NEIGHBOURS = (
    (slice(None), slice(None)),
    (slice(1, None), slice(None, -1)),
    (slice(None, -1), slice(1, None)),
)
"""Pixels of a row, and their neighbours in another: straight, on the left, on the right."""


def continued_into(pixels: Tensor, hidden: Tensor) -> Tensor:
    """Give each pixel that cannot be seen the colour of the nearest that can.

    What lies under full transparency is anything, often black. A network would draw it as a halo around what is seen.

    Args:
        pixels: (B, C, H, W).
        hidden: bool (B, 1, H, W).
    """
    continued = pixels.clone()
    for image, mask in zip(continued, hidden[:, 0].cpu().numpy(), strict=True):
        if not mask.all():
            # The fewer rows, the less is done in Python.
            is_tall = mask.shape[0] > mask.shape[1]
            rows, columns = _nearest_seen(mask.T)[::-1] if is_tall else _nearest_seen(mask)
            found = rows.astype(np.int64) * mask.shape[1] + columns
            places = torch.from_numpy(found.T if is_tall else found).to(image.device)
            image.copy_(image.flatten(1)[:, places.flatten()].unflatten(1, mask.shape))
    return continued


def _nearest_seen(hidden: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each pixel the row and the column of the nearest that is not hidden.

    First the nearest in its own row, then down and up what its three neighbours in the row before have found, where
    that is nearer. Of one pixel in twenty or so it is another that is a few hundredths farther.

    Args:
        hidden: (H, W), not all of them.
    """
    height, width = hidden.shape
    columns = _nearest_in_row(hidden)
    rows = np.repeat(np.arange(height, dtype=np.int32)[:, np.newaxis], width, axis=1)
    # Rows in which nothing is seen point to a place that is farther than any.
    rows[hidden.all(axis=1)] = 4 * (height + width)
    across = np.arange(width, dtype=np.float32)
    for order in (range(1, height), range(height - 2, -1, -1)):
        for y in order:
            before = y - order.step
            best = _squared(rows[y], columns[y], y, across)
            for to, of in _NEIGHBOURS:
                offered = _squared(rows[before, of], columns[before, of], y, across[to])
                is_nearer = offered < best[to]
                np.copyto(rows[y, to], rows[before, of], where=is_nearer)
                np.copyto(columns[y, to], columns[before, of], where=is_nearer)
                np.copyto(best[to], offered, where=is_nearer)
    return rows, columns


def _squared(
    rows: NDArray[np.int32], columns: NDArray[np.int32], y: int, across: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The squared distances from pixels of row ``y`` to places."""
    squared: NDArray[np.float32] = (columns - across) ** 2 + (rows - np.float32(y)) ** 2
    return squared


def _nearest_in_row(hidden: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The column of the nearest pixel of the same row that is not hidden; of a row that is all hidden, any."""
    width = hidden.shape[1]
    across = np.arange(width, dtype=np.int32)
    left = np.maximum.accumulate(np.where(hidden, np.int32(-width), across), axis=1)
    right = np.minimum.accumulate(np.where(hidden, np.int32(2 * width), across)[:, ::-1], axis=1)[:, ::-1]
    nearest: NDArray[np.int32] = np.clip(np.where(across - left <= right - across, left, right), 0, width - 1)
    return nearest
