"""Blur kernels: discs of defocus, Gaussians, and how kernels are combined and applied to images."""

from __future__ import annotations

import torch
from torch import Tensor

from udsd.errors import ConfigError


def defocus_discs(radii: Tensor, size: int) -> Tensor:
    """Discs of defocus with anti-aliased rims: radii (N,) in pixels to kernels (N, size, size), each summing to 1."""
    offsets = torch.arange(size, dtype=torch.float32) - size // 2
    distance = torch.hypot(offsets[:, None], offsets[None, :])
    discs: Tensor = (radii.float()[:, None, None] + 0.5 - distance).clamp(0, 1)
    return discs.div(discs.sum(dim=(1, 2), keepdim=True))


def gaussian_kernels(sigmas: Tensor, size: int) -> Tensor:
    """Gaussians: standard deviations (N,) in pixels to kernels (N, size, size), each summing to 1."""
    offsets = torch.arange(size, dtype=torch.float32) - size // 2
    profiles = torch.exp(-0.5 * (offsets / sigmas.float()[:, None]).square())
    kernels = profiles[:, :, None] * profiles[:, None, :]
    return kernels.div(kernels.sum(dim=(1, 2), keepdim=True))


def convolve_circular(first: Tensor, second: Tensor) -> Tensor:
    """Convolve kernels (N, K, K) pairwise about their middle pixel; K must be large enough for the result."""
    size = first.shape[-1]
    product = torch.fft.rfft2(first) * torch.fft.rfft2(second)
    centred = torch.fft.irfft2(product, s=(size, size)).roll((-(size // 2), -(size // 2)), dims=(1, 2))
    kernels: Tensor = centred.clamp_min(0)  # rounding in the transform leaves tiny negative weights
    return kernels.div(kernels.sum(dim=(1, 2), keepdim=True))


def apply_kernels(images: Tensor, kernels: Tensor) -> Tensor:
    """Convolve each image with its own kernel, without padding ("valid").

    Args:
        images: (B, C, H, W), float.
        kernels: (B, K, K) with K odd.

    Returns:
        (B, C, H - K + 1, W - K + 1). Computed by FFT in float32, so that large kernels cost no more
        than small ones.

    Raises:
        ConfigError: The images are smaller than the kernels.
    """
    height, width = images.shape[-2:]
    size = kernels.shape[-1]
    if size > min(height, width):
        raise ConfigError(f"kernels of {size} px need images of at least that size; got {height} x {width}")
    spectrum = torch.fft.rfft2(images.float()) * torch.fft.rfft2(kernels.float(), s=(height, width))[:, None]
    blurred: Tensor = torch.fft.irfft2(spectrum, s=(height, width))
    return blurred[..., size - 1 :, size - 1 :]


def apply_in_linear_light(images: Tensor, kernels: Tensor, gammas: Tensor) -> Tensor:
    """As `apply_kernels`, but of the light that grey levels stand for, as a camera blurs.

    Args:
        images: (B, C, H, W) in [-1, 1].
        kernels: (B, K, K) with K odd, none of them negative.
        gammas: (B,), the power of the grey levels, in [0, 1], that light is; 1 to blur the grey levels themselves.

    Returns:
        (B, C, H - K + 1, W - K + 1) in [-1, 1].
    """
    gammas = gammas[:, None, None, None]
    light = apply_kernels(((images.float() + 1) / 2).clamp(0, 1).pow(gammas), kernels)
    # Rounding in the transform leaves values beside the range.
    return light.clamp(0, 1).pow(1 / gammas) * 2 - 1
