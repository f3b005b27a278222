"""One batch of crops, from the bytes that a thread drew to tensors on a device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from udsd.degradation import Blur
from udsd.images.levels import to_pixels


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """One batch of crops on the CPU: in bytes, and not yet blurred.

    Attributes:
        pixels: uint8 (B, 3, H, W); with a blur, larger than the crops by the margin that it needs.
        blur: The blur to be applied; None for images that are taken as they are.
    """

    pixels: Tensor
    blur: Blur | None = None

    def to_device(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Move the crops to a device and blur them there; returns them without and with the blur.

        Both are float32 (B, 3, S, S) in [-1, 1], channels last; if there is no blur, they are the same tensor.
        """
        pixels = self.pixels.pin_memory() if device.type == "cuda" else self.pixels
        images = to_pixels(pixels.to(device, non_blocking=True))
        if self.blur is None:
            images = images.contiguous(memory_format=torch.channels_last)
            return images, images
        margin = self.blur.kernels.shape[-1] // 2
        size = images.shape[-1] - 2 * margin
        sharp, blurred = images[..., margin : margin + size, margin : margin + size], self.blur.apply(images)
        return (
            sharp.contiguous(memory_format=torch.channels_last),
            blurred.contiguous(memory_format=torch.channels_last),
        )
