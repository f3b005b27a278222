"""Where feature maps are cut into strips."""

from __future__ import annotations

import math
from itertools import pairwise

from udsd.inference.strips.rows import Cuts
from udsd.inference.strips.winograd import TILE

ROW_UNIT = TILE
"""Strips begin at multiples of so many rows, unless they are lower than that. A tile of Winograd's convolution that lay
in two strips would be computed for both."""


def cut(height: int, strip_height: int) -> Cuts:
    """Cut a map of ``height`` rows into strips of nearly equal height, none above ``strip_height``."""
    unit = ROW_UNIT if strip_height >= ROW_UNIT else 1
    units = math.ceil(height / unit)
    count = math.ceil(units / (strip_height // unit))
    edges = [min(units * index // count * unit, height) for index in range(count + 1)]
    return list(pairwise(edges))
