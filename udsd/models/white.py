"""White balance: an image's light ground is scaled to white before the networks, and back to its own colour after.

Networks that learnt black print on white paper take the ink of a tinted page for noise in the paper. Scaled to white, a
page is of the kind that they know, whatever paper it is on and whatever light fell on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from udsd.precision import widest_dtype

_SHARE = 0.9
"""Share of the pixels that are no brighter than the ground: it shows in a tenth of the image at least."""

DARKEST_GROUND = 0.25
"""Part of white that the ground has at least. A darker one is no paper, and such an image is left as it is."""

_COUNTED = 2**22
"""Pixels counted at once. Counts are float32, which cannot count beyond four times as many."""

_LEVELS = 4096
"""Steps of brightness that are told apart. White falls into the last, and stays exactly as it is."""


@dataclass(frozen=True, slots=True)
class WhiteBalance:
    """How the ground of images is scaled to white, by channel.

    Attributes:
        gain: (B, C, 1, 1), 1 for a ground that is white already.
        brightest: (B, C, 1, 1), the highest value in the image, and so in its restoration. On white paper overshoot is
            cut off by the range; on other paper it would show.
    """

    gain: Tensor
    brightest: Tensor

    @classmethod
    def of(cls, images: Tensor) -> WhiteBalance:
        """Find the ground of images (B, C, H, W), float32 in [-1, 1]: of each channel the 90 % quantile."""
        grounds = torch.stack([torch.stack([_ground(channel) for channel in image]) for image in images])[
            ..., None, None
        ]
        has_ground = grounds.amax(dim=1, keepdim=True) >= DARKEST_GROUND
        gain = torch.where(has_ground, 1 / grounds.clamp_min(DARKEST_GROUND), 1.0)
        return cls(gain, torch.where(has_ground, images.amax(dim=(2, 3), keepdim=True), 1.0))

    def apply(self, images: Tensor, *, overwrite: bool = False) -> Tensor:
        """The images on white ground, in a copy or in place. What was brighter than the ground is above 1 then."""
        return (images if overwrite else images.clone()).mul_(self.gain).add_(self.gain - 1)

    def undo(self, images: Tensor) -> Tensor:
        """Restored images on their own ground again, from -1 to their brightest, in place."""
        return torch.minimum(images.div_(self.gain).add_(1 / self.gain - 1), self.brightest, out=images).clamp_min_(-1)


class NoWhiteBalance:
    """In the place of a `WhiteBalance` for models without one: images stay as they are."""

    def apply(self, images: Tensor, *, overwrite: bool = False) -> Tensor:
        """The images themselves."""
        return images

    def undo(self, images: Tensor) -> Tensor:
        """Restored images, limited to [-1, 1] in place."""
        return images.clamp_(-1, 1)


def white_balance(images: Tensor, *, wanted: bool) -> WhiteBalance | NoWhiteBalance:
    """What a model does to images (B, C, H, W), float32 in [-1, 1], before its networks, and undoes after them.

    Args:
        images: The images.
        wanted: `ModelConfig.balance_white` of the model.
    """
    return WhiteBalance.of(images) if wanted else NoWhiteBalance()


def _ground(channel: Tensor) -> Tensor:
    """A quantile of values (H, W) in [-1, 1], as a part of white; without sorting, which would take a copy."""
    rows = max(_COUNTED // channel.shape[1], 1)
    counts = sum(torch.histc(part, _LEVELS, -1, 1).to(widest_dtype(part.device)) for part in torch.split(channel, rows))
    below = torch.cumsum(torch.as_tensor(counts), 0)
    level = torch.searchsorted(below, _SHARE * below[-1:])[0]
    return (level + 1).float() / _LEVELS
