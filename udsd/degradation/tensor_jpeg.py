"""What JPEG does to images that lie on a GPU: the lossy steps of libjpeg in tensor operations.

Compressing with Pillow would bring each image to the CPU and back, and the GPU would wait for every one of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from udsd.images.levels import to_levels, to_pixels

_BLOCK = 8
_UNIT = 2 * _BLOCK
"""Pixels a side of what is coded together: colours are stored at half the size."""

_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)
"""Quantisation tables of quality 50: ITU-T T.81, Annex K, tables K.1 and K.2."""

_FROM_RGB = (
    (0.299, 0.587, 0.114),
    (-0.168735892, -0.331264108, 0.5),
    (0.5, -0.418687589, -0.081312411),
)
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136286, -0.714136286), (1.0, 1.772, 0.0))
"""Y, Cb and Cr of ITU-T T.871; Cb and Cr without their offset of 128."""


def compress_some(images: Tensor, qualities: Mapping[int, int]) -> Tensor:
    """Compress some images of a batch (B, 3, H, W) in [-1, 1], in place; ``qualities`` has theirs by their index."""
    if qualities:
        chosen = _on(images.device, list(qualities))
        images[chosen] = through_tensor_jpeg(images[chosen], list(qualities.values()))
    return images


def through_tensor_jpeg(pixels: Tensor, qualities: Sequence[int]) -> Tensor:
    """What compressing images as JPEG and reading them again leaves of them, on the device where they lie.

    The tables, their scaling by quality, the halved colours (4:2:0) and their enlarging are those of libjpeg, as Pillow
    uses it. Only roundings within the transforms differ: the PSNR of this result against Pillow's is about 50 dB, and
    47 at least.

    Args:
        pixels: (B, 3, H, W) in [-1, 1], of any height and width.
        qualities: The quality of each image, from 1 to 100.

    Returns:
        float32, of the same shape, in [-1, 1] and in whole grey levels.
    """
    height, width = pixels.shape[-2:]
    scales = [_table_scale(quality) for quality in qualities]
    # Autocast would compute the transforms in 8 bits of precision.
    with torch.autocast(pixels.device.type, enabled=False):
        levels = to_levels(pixels).float()
        luminance, *colours = _mixed(levels, _FROM_RGB).round().unbind(1)
        luminance = _coded(_replicated(luminance - 128, height, width, _BLOCK), _LUMINANCE, scales)
        chrominance = [_coded_colour(colour, scales) for colour in colours]
        planes = [luminance[..., :height, :width] + 128, *(colour[..., :height, :width] for colour in chrominance)]
        decoded = _mixed(torch.stack(planes, dim=1), _TO_RGB).round().clamp(0, 255)
    return to_pixels(decoded)


def _table_scale(quality: int) -> int:
    """Per cent by which a quality scales the tables."""
    return 5000 // quality if quality < 50 else 200 - 2 * quality


def _mixed(channels: Tensor, weights: tuple[tuple[float, ...], ...]) -> Tensor:
    """Linear combinations of the channels of (B, 3, H, W)."""
    return torch.einsum("oc,bchw->bohw", _on(channels.device, weights), channels)


def _replicated(plane: Tensor, height: int, width: int, unit: int) -> Tensor:
    """A plane (B, H, W) whose last row and column are repeated up to a multiple of ``unit``."""
    return F.pad(plane, (0, -width % unit, 0, -height % unit), mode="replicate")


def _coded_colour(colour: Tensor, scales: Sequence[int]) -> Tensor:
    """Cb or Cr (B, H, W), about 0: halved, coded, and enlarged again to an even number of rows and columns."""
    height, width = colour.shape[-2:]
    # libjpeg repeats the last column before it halves the plane, the last row after that.
    halved = F.avg_pool2d(F.pad(colour, (0, -width % _UNIT, 0, height % 2), mode="replicate"), 2)
    # Of two columns that lie in the middle between two numbers the first is rounded down, the second up.
    bias = _on(colour.device, [0.25, 0.5]).repeat(halved.shape[-1] // 2)
    halved = (halved + bias).floor()
    rows, columns = halved.shape[-2], (width + 1) // 2
    coded = _coded(_replicated(halved, rows, halved.shape[-1], _BLOCK), _CHROMINANCE, scales)[..., :rows, :columns]
    enlarged = F.interpolate(coded[:, None], scale_factor=2, mode="bilinear", align_corners=False)[:, 0]
    return enlarged.round()


def _coded(plane: Tensor, table: Sequence[int], scales: Sequence[int]) -> Tensor:
    """A plane (B, H, W) about 0, of whole blocks, from levels to quantised coefficients and back to levels."""
    transform = _cosines().to(plane.device, non_blocking=True)
    steps = _tables(table, scales).to(plane.device, non_blocking=True)
    steps = steps.repeat(1, plane.shape[-2] // _BLOCK, plane.shape[-1] // _BLOCK)
    coefficients = (_transformed(plane, transform.mT) / steps).round() * steps
    return _transformed(coefficients, transform).round().clamp(-128, 127)


def _transformed(plane: Tensor, matrix: Tensor) -> Tensor:
    """Each block X of a plane (B, H, W) as M' X M."""
    return _across(_across(plane, matrix).mT, matrix).mT


def _across(plane: Tensor, matrix: Tensor) -> Tensor:
    height, width = plane.shape[-2:]
    return (plane.reshape(-1, height, width // _BLOCK, _BLOCK) @ matrix).flatten(-2)


def _cosines() -> Tensor:
    """The discrete cosine transform, (8, 8): frequencies by places."""
    places, frequencies = torch.arange(_BLOCK) + 0.5, torch.arange(_BLOCK)
    cosines = torch.cos(math.pi / _BLOCK * frequencies[:, None] * places) * math.sqrt(2 / _BLOCK)
    cosines[0] = math.sqrt(1 / _BLOCK)
    return cosines


def _tables(table: Sequence[int], scales: Sequence[int]) -> Tensor:
    """Steps of quantisation, (B, 8, 8)."""
    scaled = (torch.tensor(table) * torch.tensor(scales)[:, None] + 50) // 100
    return scaled.clamp(1, 255).float().view(-1, _BLOCK, _BLOCK)


def _on(device: torch.device, values: Sequence[Any]) -> Tensor:
    """Numbers as a tensor on a device, without waiting for what the device is doing."""
    return torch.tensor(values).to(device, non_blocking=True)
