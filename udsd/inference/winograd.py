"""3x3 convolutions with half or a quarter of the multiplications: Winograd's F(4, 3), for float32 on CPUs.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016). Four rows of results need six rows of
inputs. Small matrices turn these into six others, each of which is convolved along its columns only, by 1 x 3 weights,
and what comes out into the four: half of the multiplications. Along the columns the same can be done again, which makes
it F(4x4, 3x3): a quarter, all of it matrix products. It pays because it is done a few tiles at a time, so that they
stay in the caches: over a whole map at once it gains next to nothing.
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
).float()
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
_OUTPUT = _points([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]).float()


def pays(channels: int, dtype: torch.dtype, device: torch.device) -> bool:
    """Whether convolutions between so many channels are faster this way in a number format on a device."""
    return channels >= _CHANNELS and dtype == torch.float32 and device.type == "cpu"


def columns_pay() -> bool:
    """Whether this processor gains from transforming columns as well.

    That trades convolutions, which oneDNN computes, for matrix products, which MKL does. On AMD's processors MKL takes
    vectors of half the width, at most. That costs nothing up to Zen 4, which computes them in halves, and more than
    is saved from Zen 5 on, the first to know VP2INTERSECT.
    """
    capabilities = torch.cpu.get_capabilities()
    return not (capabilities.get("avx512_vp2intersect") and str(capabilities.get("cpu_name")).startswith("AMD"))


def transform_weights(weight: Tensor, *, columns: bool) -> Tensor:
    """Weights (C', C, 3, 3) for `convolve`.

    Returns:
        float32 (6, C', 1, 3, C), twice their size, or with ``columns`` transformed as well (36, C, C'), four times.
    """
    filters, channels = weight.shape[:2]
    if columns:
        transformed = torch.einsum("ia,ocab,jb->ijco", _WEIGHT, weight.double(), _WEIGHT)
        return transformed.reshape(_PATCH**2, channels, filters).float().contiguous()
    return torch.einsum("ia,ocab->iobc", _WEIGHT, weight.double())[:, :, None].float().contiguous()


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
    source = window.permute(0, 2, 3, 1)[0]
    convolve_columns = _convolve_columns if weights.dim() == 5 else _convolve_columns_in_tiles
    filters = weights.shape[1 if weights.dim() == 5 else 2]
    result = source.new_empty(rows * TILE, columns * TILE, filters)
    for top, bottom, left, right in _blocks(rows, columns):
        block = source[top * TILE : bottom * TILE + 2, left * TILE : right * TILE + 2]
        # One name for all: what has been used up is freed at once.
        values = _overlapping(block, 0).reshape(_PATCH, -1)
        values = torch.mm(_INPUT, values).view(_PATCH, bottom - top, *block.shape[1:])
        values = convolve_columns(values, weights).reshape(_PATCH, -1)
        values = torch.mm(_OUTPUT, values).view(TILE, bottom - top, -1, filters)
        place = result[top * TILE : bottom * TILE, left * TILE : right * TILE]
        place.view(-1, TILE, *place.shape[1:]).copy_(values.transpose(0, 1))
    return result[None, :height, :width].permute(0, 3, 1, 2)


def _convolve_columns(rows: Tensor, weights: Tensor) -> Tensor:
    """Convolve six maps (6, R, W + 2, C), each with weights of its own. Returns (6, R, W, C')."""
    maps, kernels = rows.permute(0, 3, 1, 2), weights.permute(0, 1, 4, 2, 3)
    convolved = [F.conv2d(maps[index : index + 1], kernels[index]) for index in range(_PATCH)]
    return torch.cat([each.permute(0, 2, 3, 1) for each in convolved])


def _convolve_columns_in_tiles(rows: Tensor, weights: Tensor) -> Tensor:
    """The same, with the columns transformed too; W is a multiple of 4."""
    _, high, width, channels = rows.shape
    values = _overlapping(rows, 2).transpose(0, 1).reshape(_PATCH, _PATCH, -1)
    values = torch.matmul(_INPUT, values).view(_PATCH**2, -1, channels)
    values = torch.bmm(values, weights).view(_PATCH, _PATCH, -1)
    values = torch.matmul(_OUTPUT, values).view(_PATCH, TILE, high, -1, weights.shape[2])
    return values.permute(0, 2, 3, 1, 4).reshape(_PATCH, high, width - 2, -1)


def _overlapping(values: Tensor, dim: int) -> Tensor:
    """Patches of six along one dimension that begin every four. They become the first dimension, a view."""
    return values.unfold(dim, _PATCH, TILE).movedim(-1, 0)


def _blocks(rows: int, columns: int) -> Iterator[tuple[int, int, int, int]]:
    """Rectangles of tiles: as many columns as go at once, then as many rows."""
    tiles = _TILES_PER_THREAD * torch.get_num_threads()
    wide = math.ceil(columns / math.ceil(columns / tiles))
    high = max(tiles // wide, 1)
    for top, bottom in pairwise([*range(0, rows, high), rows]):
        for left, right in pairwise([*range(0, columns, wide), columns]):
            yield top, bottom, left, right
