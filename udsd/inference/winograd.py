"""3x3 convolutions with a quarter of the multiplications: Winograd's F(4x4, 3x3), for float32 on CPUs.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016). A tile of 4 x 4 results needs 6 x 6
inputs. Both transforms are small matrices, so that all is matrix products: patches (36, tiles x channels) are
transformed, multiplied by the transformed weights, position by position, and transformed back. It pays because it is
done a few tiles at a time, so that patches stay in the caches: over a whole map at once it gains next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

TILE = 4
"""Rows and columns of results in one tile."""

_PATCH = TILE + 2
_TILES_PER_THREAD = 64
"""Tiles transformed at once; their patches are a few megabytes. From 64 to 256 the speed is the same."""

_CHANNELS = 32
"""Fewer channels than this are slower than a plain convolution: the transforms cost as much as they save."""


def _points(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


# The polynomials are evaluated at 0, 1, -1, 2, -2 and infinity.
_INPUT = _points(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_WEIGHT = _points(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
_OUTPUT = _points([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])

_INPUT_2D = torch.kron(_INPUT, _INPUT).float()
_OUTPUT_2D = torch.kron(_OUTPUT, _OUTPUT).float()


def pays(channels: int, dtype: torch.dtype, device: torch.device) -> bool:
    """Whether convolutions between so many channels are faster this way in a number format on a device."""
    return channels >= _CHANNELS and dtype == torch.float32 and device.type == "cpu"


def transform_weights(weight: Tensor) -> Tensor:
    """Weights (C', C, 3, 3) for `convolve`: float32 (36, C, C'), four times their size."""
    transformed = torch.einsum("ia,ocab,jb->ijco", _WEIGHT, weight.double(), _WEIGHT)
    return transformed.reshape(_PATCH**2, weight.shape[1], weight.shape[0]).float().contiguous()


def convolve(window: Tensor, weights: Tensor) -> Tensor:
    """Convolve a map without padding, as `torch.nn.functional.conv2d` does, to rounding.

    Tiles begin at the upper left corner. What a tile gives does not depend on those beside it.

    Args:
        window: float32 (1, C, H + 2, W + 2), channels last.
        weights: What `transform_weights` gave.

    Returns:
        float32 (1, C', H, W), channels last.
    """
    height, width = window.shape[2] - 2, window.shape[3] - 2
    rows, columns = (math.ceil(side / TILE) for side in (height, width))
    if height % TILE or width % TILE:
        window = F.pad(window, (0, columns * TILE - width, 0, rows * TILE - height))
    source = window.permute(0, 2, 3, 1).contiguous()
    result = source.new_empty(1, rows * TILE, columns * TILE, weights.shape[2])
    for top, bottom, left, right in _blocks(rows, columns):
        _convolve_block(source, weights, result, (top, bottom), (left, right))
    return result[:, :height, :width].permute(0, 3, 1, 2)


def _blocks(rows: int, columns: int) -> Iterator[tuple[int, int, int, int]]:
    """Rectangles of tiles: as many columns as go at once, then as many rows."""
    tiles = _TILES_PER_THREAD * torch.get_num_threads()
    wide = math.ceil(columns / math.ceil(columns / tiles))
    high = max(tiles // wide, 1)
    for top, bottom in pairwise([*range(0, rows, high), rows]):
        for left, right in pairwise([*range(0, columns, wide), columns]):
            yield top, bottom, left, right


def _convolve_block(
    source: Tensor, weights: Tensor, result: Tensor, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    """Fill in the tiles of a rectangle; maps are (1, H, W, C)."""
    high, wide = rows[1] - rows[0], columns[1] - columns[0]
    # One name for all: what has been used up is freed at once.
    values = _tiles(source, rows, columns, _PATCH).reshape(_PATCH**2, -1)
    values = torch.mm(_INPUT_2D, values).view(_PATCH**2, high * wide, -1)
    values = torch.bmm(values, weights).view(_PATCH**2, -1)
    values = torch.mm(_OUTPUT_2D, values).view(TILE, TILE, high, wide, -1)
    _tiles(result, rows, columns, TILE).copy_(values)


def _tiles(values: Tensor, rows: tuple[int, int], columns: tuple[int, int], size: int) -> Tensor:
    """A view of a map (1, H, W, C) as squares (size, size, rows, columns, C) that begin every four pixels."""
    _, _, width, channels = values.shape
    start = values.storage_offset() + (rows[0] * width + columns[0]) * TILE * channels
    return values.as_strided(
        (size, size, rows[1] - rows[0], columns[1] - columns[0], channels),
        (width * channels, channels, TILE * width * channels, TILE * channels, 1),
        start,
    )
