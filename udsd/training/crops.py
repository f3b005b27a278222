"""One batch of crops, from the bytes that a worker drew to tensors on a device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from udsd.degradation import Blur
from udsd.images.levels import to_pixels
from udsd.images.resizing import resized


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """One batch of crops on the CPU: in bytes, and not yet blurred.

    Attributes:
        pixels: uint8 (B, 3, H, W); with a blur, larger than the crops by the margin that it needs.
        blur: The blur to be applied; None for images that are taken as they are.
        blurred: uint8, of the same shape: the blurred partners of real pairs; None if there are none.
        gains: float32 (B, 3, 1, 1): what scales the light background of each crop's image to white; None for no white
            balance.
        shown: Side in pixels at which the networks see the crops (`ModelConfig.input_scale`); None for their own.
    """

    pixels: Tensor
    blur: Blur | None = None
    gains: Tensor | None = None
    blurred: Tensor | None = None
    shown: int | None = None

    def to_device(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Move the crops to a device and blur them there; returns them without and with the blur.

        As a camera does it, pixels are blurred, limited to their range and rounded to grey levels in their own colours;
        if the picture is to be enlarged, while it is small. Then, as when a model is used, they are scaled to white,
        which takes what was brighter than the ground beyond 1.

        Both are float32 (B, 3, S, S), channels last, in [-1, 1] before they are scaled; if there is neither a
        blur nor a partner, they are the same tensor.
        """
        pixels = self.pixels.pin_memory() if device.type == "cuda" else self.pixels
        images = to_pixels(pixels.to(device, non_blocking=True))
        if self.blurred is not None:
            return self._as_seen(images), self._as_seen(to_pixels(self.blurred.to(device, non_blocking=True)))
        if self.blur is None:
            images = self._as_seen(images)
            return images, images
        margin = self.blur.kernels.shape[-1] // 2
        size = images.shape[-1] - 2 * margin
        sharp = images[..., margin : margin + size, margin : margin + size]
        return self._as_seen(sharp), self._as_seen(self.blur.apply(images, rounded=True))

    def _as_seen(self, images: Tensor) -> Tensor:
        if self.shown is not None:
            images = resized(images, self.shown, self.shown).clamp_(-1, 1)
        if self.gains is not None:
            gains = self.gains.to(images.device, non_blocking=True)
            images = images * gains + (gains - 1)
        return images.contiguous(memory_format=torch.channels_last)
