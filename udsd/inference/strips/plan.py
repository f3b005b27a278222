"""How high strips are, and how many bytes of them stay in memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from udsd.errors import MemoryLimitError
from udsd.inference.memory import MemoryLimit, allowed_memory, describe_limit
from udsd.inference.strips.cuts import ROW_UNIT
from udsd.models import ModelConfig
from udsd.models.blocks import CONTENT_STRIDE

_CHANNEL_SIZE = 131_072
"""Bytes of one channel of a band. What a layer reads and writes for a band of this size fits into the caches of a CPU;
that makes bands faster than the whole image at once."""

_BANDS_AT_ONCE, _BANDS_AT_ONCE_IN_HALF_PRECISION = 2, 4
"""An image of up to so many bands is one band. At each call oneDNN reorders the weights of a convolution, and at each
cut some rows are read twice. For so few bands that costs more than the caches save, the more so the faster the
arithmetic is."""

_FEWEST_ROWS = CONTENT_STRIDE * ROW_UNIT
"""Rows of a band, at least, where memory allows. In lower bands parts of Winograd's tiles are computed twice, and in
any number format a convolution reads many rows of the strips above and below for few of its own."""

_WORKSPACE_MAPS = 6
"""Upper bound of a layer's work space, in maps of a band at the image's resolution with ``base_width`` channels. The
most that was measured is 4.5."""


_FASTER_THAN_HALF = 8
"""By how much fewer bytes are kept once the bands cannot be lower: the plan's limit can be far from what there is."""

_LEAST_ROOM = 2**20
"""Bytes under which keeping some is not worth it."""


@dataclass(frozen=True, slots=True)
class StripPlan:
    """How one image is restored.

    Attributes:
        band_height: Rows of the image that a strip stands for, a multiple of 4.
        room: Bytes of strips that stay in memory; the rest goes to a temporary file.
    """

    band_height: int
    room: int

    def halved(self) -> StripPlan:
        """A plan that needs half the memory: bands of half the height, and half as many bytes kept.

        Where bands cannot be lower, ever fewer bytes are kept, down to none.

        Raises:
            MemoryLimitError: Neither can be less.
        """
        if self.band_height <= CONTENT_STRIDE and not self.room:
            raise MemoryLimitError(
                "out of memory even in strips of four rows; free some memory, or use device='cpu', or a smaller image"
            )
        half = max(self.band_height // 2 // CONTENT_STRIDE * CONTENT_STRIDE, CONTENT_STRIDE)
        room = self.room // (_FASTER_THAN_HALF if half == self.band_height else 2)
        return StripPlan(half, room if room >= _LEAST_ROOM else 0)


def plan_strips(
    height: int, width: int, config: ModelConfig, element_size: int, device: torch.device, limit: MemoryLimit = None
) -> StripPlan:
    """Plan strips for an image whose sides have been padded.

    Args:
        height: Rows of the image.
        width: Columns of the image.
        config: The architecture.
        element_size: Bytes of a number in the arithmetic's format.
        device: Where the model runs.
        limit: What strips and work space may take, beside the image and its result.

    Raises:
        ConfigError: The limit is not a size.
        MemoryLimitError: It is too small for the lowest band of such an image.
    """
    allowed = allowed_memory(device, limit)
    row = _WORKSPACE_MAPS * config.base_width * width * element_size
    least = row * CONTENT_STRIDE
    if allowed < least:
        raise MemoryLimitError(
            f"{describe_limit(limit)} is {allowed / 1e6:.0f} MB; an image {width} pixels wide needs at least "
            f"{least / 1e6:.0f} MB (memory_limit=), or a GPU with more memory"
        )
    # Half of the memory, at most, is work space; the other half keeps strips.
    rows = min(_fastest_rows(height, width, element_size), allowed // 2 // row)
    band_height = max(rows // CONTENT_STRIDE * CONTENT_STRIDE, CONTENT_STRIDE)
    return StripPlan(band_height, allowed - row * band_height)


def _fastest_rows(height: int, width: int, element_size: int) -> int:
    """Rows of a band that would be fastest, were there memory enough."""
    pixels = _CHANNEL_SIZE // element_size
    at_once = _BANDS_AT_ONCE_IN_HALF_PRECISION if element_size == 2 else _BANDS_AT_ONCE
    if height * width <= at_once * pixels:
        return height
    return min(max(pixels // width, _FEWEST_ROWS), height)
