"""Putting restored faces back into their picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from udsd.domains.faces.alignment import Placement, Window, in_square, put_back

_FULL = 0.8
"""Where the edge of the mask begins, as a part of the way from the middle of the crop to its border."""

_ROUNDNESS = 4
"""Exponent of the superellipse: 2 is a circle, infinity a square."""

_TINY = 1e-6


class FacePaster:
    """Puts restored faces into a picture, in place.

    Not the restored crop is pasted but the *change*, on the pixels of the source: what was sharp at the picture's own
    size stays sharp. A soft mask leads over to what the picture holds. Where faces overlap, each has its share of the
    pixels, by how near its middle they are. Pixels outside of all masks stay bit for bit.

    Args:
        picture: What is pasted into, (1, 3, H, W) in [-1, 1].
        source: The picture as it came, of the same size.
        placements: All faces that will be pasted, in their order.
    """

    def __init__(self, picture: Tensor, source: Tensor, placements: Sequence[Placement]) -> None:
        self._picture = picture
        self._source = source
        self._placements = placements
        self._bounds = [placement.bounds() for placement in placements]

    def paste(self, number: int, before: Tensor, after: Tensor) -> None:
        """Put one face into the picture; they come in their order.

        Args:
            number: Which.
            before: The face as it was cut out of the source, (1, 3, S, S).
            after: What became of it.
        """
        placement = self._placements[number]
        window = Window.about(placement, *self._picture.shape[-2:])
        if window is None:
            return
        share = self._share(number, window)
        restored = put_back(after - before, placement, window).add_(window.of(self._source)).clamp_(-1, 1)
        target = window.of(self._picture)
        target.copy_(torch.where(share > 0, torch.lerp(target, restored, share), target))

    def _share(self, number: int, window: Window) -> Tensor:
        """How much of the picture's pixels a face replaces."""
        own = mask(self._placements[number], window)
        others = [other for other in range(len(self._placements)) if other != number and self._meet(other, number)]
        if not others:
            return own
        masks = {other: mask(self._placements[other], window) for other in others}
        total = (own + torch.stack(list(masks.values())).sum(dim=0)).clamp_min(_TINY)
        # In the end each face weighs m^2 / sum of m: those after this one will cover their part of what it puts there.
        later = [masks[other].square() / total for other in others if other > number]
        seen = 1 - torch.stack(later).sum(dim=0) if later else torch.ones_like(own)
        return (own.square() / total / seen.clamp_min(_TINY)).clamp_(0, 1)

    def _meet(self, first: int, second: int) -> bool:
        (left, top, right, bottom), (other_left, other_top, other_right, other_bottom) = (
            self._bounds[first],
            self._bounds[second],
        )
        return left < other_right and other_left < right and top < other_bottom and other_top < bottom


def mask(placement: Placement, window: Window) -> Tensor:
    """How much of a face's pixels counts: (h, w) in [0, 1], 1 in the middle of its square, 0 at the square's border."""
    u, v = in_square(placement, window)
    radius = ((2 * u).abs() ** _ROUNDNESS + (2 * v).abs() ** _ROUNDNESS) ** (1 / _ROUNDNESS)
    rise = ((1 - radius) / (1 - _FULL)).clamp(0, 1)
    return (rise * rise * (3 - 2 * rise)).float()
