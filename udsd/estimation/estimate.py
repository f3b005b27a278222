"""The blur of one image: what was estimated, and how it is laid on another image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsd.degradation import BlurSet, apply_in_linear_light, apply_kernels
from udsd.degradation.jpeg import through_jpeg
from udsd.images.levels import GREY_LEVEL


@dataclass(frozen=True, slots=True, eq=False)
class BlurEstimate:
    """The blur of an image. A kernel and its mirror image look alike, so that either may be given.

    Attributes:
        kernel: float32 (K, K), K odd, not negative, summing to 1: what a point of light became.
        length: Length of the camera's path in pixels; 0 for none.
        angle: Direction in which the path extends furthest, in degrees from -90 to 90: 0 to the right, 90 down.
        is_straight: Whether the path is a straight line.
        defocus_radius: Radius of the disc of defocus in pixels; 0 for none.
        gaussian_sigma: Standard deviation of a Gaussian in pixels; 0 for none.
        gamma: Power of the grey levels, in [0, 1], that the blurred light is; 1 if the grey levels themselves are
            blurred. It is that of images of the domain, of which one alone does not tell.
        noise: Standard deviation of the noise in each channel, in grey levels of 255.
        jpeg_quality: 1 to 100; None if the image seems not to have been compressed.
    """

    kernel: NDArray[np.float32]
    length: float
    angle: float
    is_straight: bool
    defocus_radius: float
    gaussian_sigma: float
    gamma: float
    noise: float
    jpeg_quality: int | None

    @classmethod
    def of(cls, blurs: BlurSet, index: int = 0) -> BlurEstimate:
        """The estimate that a blur of a set stands for."""
        blur = blurs.take(np.array([index]))
        quality = round(float(blur.qualities[0]))
        moves = bool(blur.moves[0])
        return cls(
            kernel=blur.kernels(blur.kernel_size)[0].numpy(),
            length=float(blur.lengths[0]) if moves else 0.0,
            angle=float(blur.angles[0]) if moves else 0.0,
            is_straight=bool(blur.straight[0]),
            defocus_radius=float(blur.radii[0]),
            gaussian_sigma=float(blur.sigmas[0]),
            gamma=float(blur.gammas[0]),
            noise=float(blur.noise[0]),
            jpeg_quality=quality or None,
        )

    def __str__(self) -> str:
        parts = []
        if self.length:
            how = "straight motion" if self.is_straight else "shake"
            parts.append(f"{how} of {self.length:.1f} px at {self.angle:.0f} degrees")
        if self.defocus_radius:
            parts.append(f"defocus of radius {self.defocus_radius:.1f} px")
        if self.gaussian_sigma:
            parts.append(f"Gaussian of {self.gaussian_sigma:.1f} px")
        blur = " with ".join(parts) or "no blur"
        if parts and self.gamma > 1:
            blur += " in linear light"
        quality = "not compressed" if self.jpeg_quality is None else f"JPEG quality {self.jpeg_quality}"
        return f"{blur}, noise of {self.noise:.1f} grey levels, {quality}"

    def apply(self, pixels: Tensor, *, noise: bool = True, jpeg: bool = False, seed: int = 0) -> Tensor:
        """Lay the blur on images.

        Args:
            pixels: (B, 3, H, W), float32 in [-1, 1], on the CPU; mirrored at their borders.
            noise: Add the noise.
            jpeg: Compress as the blurred image was, if it was.
            seed: Of the noise.

        Returns:
            The same shape, in [-1, 1].
        """
        margin = self.kernel.shape[0] // 2
        padded = _mirrored(pixels, margin)
        kernels = torch.from_numpy(self.kernel).expand(len(pixels), -1, -1)
        if self.gamma > 1:
            blurred = apply_in_linear_light(padded, kernels, torch.full((len(pixels),), self.gamma))
        else:
            blurred = apply_kernels(padded, kernels)
        if noise:
            generator = torch.Generator("cpu").manual_seed(seed)
            grain = torch.randn(blurred.shape, generator=generator, device="cpu", dtype=torch.float32)
            blurred = blurred + self.noise * GREY_LEVEL * grain
        blurred = blurred.clamp(-1, 1)
        if jpeg and self.jpeg_quality is not None:
            blurred = torch.stack([through_jpeg(image, self.jpeg_quality) for image in blurred])
        return blurred


def _mirrored(pixels: Tensor, margin: int) -> Tensor:
    """Pixels mirrored at their borders, however much smaller than the margin they are."""
    left = margin
    while left > 0:
        step = min(left, *pixels.shape[-2:])
        pixels = torch.cat([pixels[..., :step].flip(-1), pixels, pixels[..., -step:].flip(-1)], dim=-1)
        pixels = torch.cat([pixels[..., :step, :].flip(-2), pixels, pixels[..., -step:, :].flip(-2)], dim=-2)
        left -= step
    return pixels
