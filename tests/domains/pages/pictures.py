"""Pages to be looked at."""

from __future__ import annotations

from torch import Tensor

from tests.consistency.restorations import sharp_page


def page(letters: int = 22) -> Tensor:
    """Black print on white, (1, 3, 300, 400) in [-1, 1]."""
    return sharp_page(400, 300, letters=letters)[None]
