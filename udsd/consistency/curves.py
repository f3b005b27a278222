"""What a picture was blurred in: its grey levels, or the light that a camera's sensor adds up.

Programs blur the levels of a file; cameras blur light, of which they store about the 2.2th root.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def to_light(levels: Tensor) -> Tensor:
    """Grey levels of sRGB (IEC 61966-2-1) as linear light, both in [-1, 1]; what is beyond that is limited to it."""
    part = (levels.clamp(-1, 1) + 1) / 2
    light: Tensor = torch.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055).pow(2.4))
    return 2 * light - 1


def from_light(light: Tensor) -> Tensor:
    """The inverse of `to_light`."""
    part = (light.clamp(-1, 1) + 1) / 2
    levels: Tensor = torch.where(part <= 0.0031308, 12.92 * part, 1.055 * part.pow(1 / 2.4) - 0.055)
    return 2 * levels - 1


_DARKNESS = 0.2
"""Square of the slope of light over levels at which half of a change is made. Chosen in November 2026 from 0.03 to 1 by
69 strips blurred in light: 25.26 dB before, 24.82 explained by their levels, 25.72 by their light without this, 26.06
with it; 0.1 and 0.3 are as good."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The way from a picture's values in [-1, 1] to what was blurred, and back.

    Attributes:
        to_blurred: From values to what was blurred, in [-1, 1].
        back: The inverse.
        trust: How much of a change to these values is to be made, from 0 to 1.
    """

    to_blurred: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]
    trust: Callable[[Tensor], Tensor]

    def change(self, values: Tensor, found: Tensor) -> Tensor:
        """The change of values that a change of what was blurred is."""
        blurred = self.to_blurred(values)
        return (self.back(blurred + found) - self.back(blurred)) * self.trust(values)


def _as_they_are(levels: Tensor) -> Tensor:
    return levels


def _light_trust(levels: Tensor) -> Tensor:
    """In the dark a little light is many levels, and the noise of a picture's light parts is a change of its black ink.

    Wiener's filter of the division by the slope of light over levels.
    """
    part = (levels.clamp(-1, 1) + 1) / 2
    slope = torch.where(part <= 0.04045, 1 / 12.92, 2.4 / 1.055 * ((part + 0.055) / 1.055).pow(1.4))
    return slope.square() / (slope.square() + _DARKNESS)


GREY_LEVELS = Curve(_as_they_are, _as_they_are, torch.ones_like)
LIGHT = Curve(to_light, from_light, _light_trust)
NEGATIVE_LIGHT = Curve(
    lambda negative: -to_light(-negative), lambda light: -from_light(-light), lambda negative: _light_trust(-negative)
)
"""Of a picture whose negative is shown to the networks, as one of light print on dark is."""

CURVES = (GREY_LEVELS, LIGHT, NEGATIVE_LIGHT)
