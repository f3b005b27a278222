"""A model whose restorations explain their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from udsd.consistency import made_consistent
from udsd.domains.domain import Restore
from udsd.inference.backend import OnProgress, as_part


@dataclass(frozen=True, slots=True)
class Consistency:
    """How restorations are made to explain their pictures.

    Attributes:
        device: Where that is computed.
        passes: How often pictures go through the model with ``quality="best"``.
    """

    device: torch.device
    passes: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class ConsistentModel:
    """A model, and the change of each restoration to one that explains its picture (`udsd.consistency`).

    Attributes:
        restore: The model.
        device: Where its restorations are changed.
        passes: How often pictures go through the model. Each pass but the first starts from what the one before has
            made, once that explains the picture.
        enlarged: How many times their own size pictures are given to it: one number for all, or one for each.
    """

    restore: Restore
    device: torch.device
    passes: int = 1
    enlarged: float | Sequence[float] = 1

    def __call__(self, images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        """Restore images; see `udsd.domains.domain.Restore`."""
        blurred = images.clone() if overwrite else images
        factors = [self.enlarged] * len(images) if isinstance(self.enlarged, float | int) else self.enlarged
        for number in range(self.passes):
            tell = None if on_progress is None else as_part(on_progress, number, self.passes)
            images = self.restore(images, overwrite=overwrite or number > 0, on_progress=tell)
            for result, picture, factor in zip(images, blurred, factors, strict=True):
                made_consistent(result, picture, enlarged=factor, device=self.device)
        return images


def at_scale(restore: Restore, enlarged: float | Sequence[float]) -> Restore:
    """The model for pictures at so many times their own size, of which one that must explain them has to know."""
    return replace(restore, enlarged=enlarged) if isinstance(restore, ConsistentModel) else restore
