"""Pictures in which nothing is looked for: restored at one scale, the model's or the one that is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from udsd.domains.copies import SHIFTED
from udsd.domains.domain import AsExpected, Domain, Region, Restoration, Restore
from udsd.domains.look import Look
from udsd.domains.options import DeblurOptions
from udsd.domains.resampling import restore_scaled

NOT_LOOKED = "restored whether it is sharp already or not: of such pictures this model cannot tell"


@dataclass(frozen=True, slots=True)
class ScaledPicture:
    """A picture that is restored at another size than its own.

    Attributes:
        shape: Its height and width in pixels.
        scale: Its size before the networks, as a part of its own.
        notes: See `udsd.domains.domain.Findings`.
        is_sharp: See there: nobody has looked.
    """

    shape: Sequence[int]
    scale: float
    notes: tuple[str, ...] = ()
    is_sharp: bool = False

    @property
    def regions(self) -> tuple[Region, ...]:
        """The whole picture."""
        height, width = self.shape
        return (Region((0, 0, width, height), scale=self.scale),)

    @property
    def pixel_count(self) -> int:
        """How many pixels the model will restore."""
        return round(math.prod(self.shape) * self.scale**2)

    def restore(self, image: Tensor, restore: Restore) -> Restoration:
        """Restore the picture; see `udsd.domains.domain.Findings`."""
        return Restoration(restore_scaled(image, self.scale, restore), self.regions, self.notes)


class PlainDomain:
    """Pictures of a kind that nothing here finds the size of, such as number plates, or of no known kind.

    Args:
        scale: Size before the networks, as a part of a picture's own, unless another is asked for.
    """

    copies = SHIFTED

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def examine(self, look: Look, options: DeblurOptions) -> ScaledPicture | AsExpected:
        """Take the scale that is asked for; see `udsd.domains.domain.Domain`."""
        scale = options.scale
        if isinstance(scale, str):
            scale = self._scale if scale == "auto" else 1.0
        notes = (NOT_LOOKED,) if options.skip_sharp else ()
        return AsExpected(notes=notes) if scale == 1 else ScaledPicture(look.image.shape[-2:], scale, notes)

    def for_clip(self, looks: Sequence[Look]) -> Domain:
        """The same: nothing is found in a frame that could change in the next."""
        return self
