"""3x3 convolutions with half or a quarter of the multiplications: Winograd's F(4, 3), for float32 on CPUs.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016). Four rows of results need six rows of
inputs. A 6x6 matrix transforms these into six other rows. Each is convolved along its columns only, with 1x3 weights of
its own, and a 4x6 matrix transforms the six results into the four rows: half of the multiplications. The columns can be
transformed in the same way, which makes it F(4x4, 3x3): a quarter of the multiplications, all in matrix products.

It is faster only if a few tiles are transformed at a time, so that they stay in the caches. Over a whole map at once it
gains next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from udsd.device import cpu_capabilities

TILE = 4
"""Rows and columns of results that are computed together: a tile."""

_PATCH = TILE + 2
"""Rows and columns of inputs that a tile needs."""

_TILES_PER_THREAD = 64
"""Tiles that are transformed at once: some megabytes of inputs. The speed is the same for 64 to 256."""

_CHANNELS = 32
"""With fewer channels it is slower than a plain convolution, for the transforms cost more than they save."""


def _points(rows: list[list[float]]) -> Tensor:
    # When the module is imported, whatever device is the default then.
    return torch.tensor(rows, dtype=torch.float64, device="cpu")


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
    """Whether convolutions of ``channels`` to as many channels are faster this way."""
    return channels >= _CHANNELS and dtype == torch.float32 and device.type == "cpu"


def columns_pay() -> bool:
    """Whether transforming the columns as well is faster on this processor.

    It replaces convolutions, which oneDNN computes, by matrix products, which MKL computes. On AMD's processors MKL
    uses vectors of at most 256 bits. Up to Zen 4 that costs nothing, since these processors compute 512 bits in halves.
    From Zen 5 on, which is the first to have the VP2INTERSECT instructions, it costs more than the transform saves.
    """
    capabilities = cpu_capabilities()
    return not (capabilities.get("avx512_vp2intersect") and str(capabilities.get("cpu_name")).startswith("AMD"))


def transform_weights(weight: Tensor, *, columns: bool) -> Tensor:
    """Weights (C', C, 3, 3) for `convolve`.

    Returns:
        float32 (6, C', 1, 3, C), twice as many; if the columns are transformed as well (36, C, C'), four times as many.
    """
    filters, channels = weight.shape[:2]
    if columns:
        transformed = torch.einsum("ia,ocab,jb->ijco", _WEIGHT, weight.double(), _WEIGHT)
        return transformed.reshape(_PATCH**2, channels, filters).float().contiguous()
    return torch.einsum("ia,ocab->iobc", _WEIGHT, weight.double())[:, :, None].float().contiguous()


def convolve(window: Tensor, weights: Tensor) -> Tensor:
    """Convolve a map without padding: what `torch.nn.functional.conv2d` gives, up to rounding.

    Tiles begin at the upper left corner. The results of one do not depend on its neighbours.

    Args:
        window: float32 (1, C, H + 2, W + 2), channels last.
        weights: From `transform_weights`, which also decides whether columns are transformed.

    Returns:
        float32 (1, C', H, W), channels last.
    """
    height, width = window.shape[2] - 2, window.shape[3] - 2
    rows, columns = (math.ceil(side / TILE) for side in (height, width))
    if height % TILE or width % TILE:
        window = F.pad(window, (0, columns * TILE - width, 0, rows * TILE - height))
    inputs = window.permute(0, 2, 3, 1)[0]
    convolve_columns = _convolve_columns if weights.dim() == 5 else _convolve_columns_in_tiles
    filters = weights.shape[1 if weights.dim() == 5 else 2]
    result = inputs.new_empty(rows * TILE, columns * TILE, filters)
    for top, bottom, left, right in _blocks(rows, columns):
        block = inputs[top * TILE : bottom * TILE + 2, left * TILE : right * TILE + 2]
        # A single name, so that each intermediate result is freed as soon as the next is there.
        values = _overlapping(block, 0).reshape(_PATCH, -1)
        values = torch.mm(_INPUT, values).view(_PATCH, bottom - top, *block.shape[1:])
        values = convolve_columns(values, weights).reshape(_PATCH, -1)
        values = torch.mm(_OUTPUT, values).view(TILE, bottom - top, -1, filters)
        place = result[top * TILE : bottom * TILE, left * TILE : right * TILE]
        place.view(-1, TILE, *place.shape[1:]).copy_(values.transpose(0, 1))
    return result[None, :height, :width].permute(0, 3, 1, 2)


def first_row_of_tile(row: int) -> int:
    """First row of the tile in which a row of results lies, where tiles begin at row 0."""
    return row // TILE * TILE


def _convolve_columns(rows: Tensor, weights: Tensor) -> Tensor:
    """Convolve the six transformed rows of R rows of tiles, (6, R, W + 2, C), along their columns: (6, R, W, C')."""
    maps, kernels = rows.permute(0, 3, 1, 2), weights.permute(0, 1, 4, 2, 3)
    convolved = [F.conv2d(maps[index : index + 1], kernels[index]) for index in range(_PATCH)]
    return torch.cat([each.permute(0, 2, 3, 1) for each in convolved])


def _convolve_columns_in_tiles(rows: Tensor, weights: Tensor) -> Tensor:
    """Do the same by transforming the columns; W is a multiple of 4."""
    _, high, width, channels = rows.shape
    values = _overlapping(rows, 2).transpose(0, 1).reshape(_PATCH, _PATCH, -1)
    values = torch.matmul(_INPUT, values).view(_PATCH**2, -1, channels)
    values = torch.bmm(values, weights).view(_PATCH, _PATCH, -1)
    values = torch.matmul(_OUTPUT, values).view(_PATCH, TILE, high, -1, weights.shape[2])
    return values.permute(0, 2, 3, 1, 4).reshape(_PATCH, high, width - 2, -1)


def _overlapping(values: Tensor, dim: int) -> Tensor:
    """Windows of six along a dimension, one every four. The place in the window becomes the first dimension: a view."""
    return values.unfold(dim, _PATCH, TILE).movedim(-1, 0)


def _blocks(rows: int, columns: int) -> Iterator[tuple[int, int, int, int]]:
    """Rectangles of tiles to transform at once, as (top, bottom, left, right): wide first, then high."""
    tiles = _TILES_PER_THREAD * torch.get_num_threads()
    wide = math.ceil(columns / math.ceil(columns / tiles))
    high = max(tiles // wide, 1)
    for top, bottom in pairwise([*range(0, rows, high), rows]):
        for left, right in pairwise([*range(0, columns, wide), columns]):
            yield top, bottom, left, right
