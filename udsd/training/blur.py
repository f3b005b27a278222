"""Synthetic blur: random camera trajectories, defocus, noise and JPEG, applied to sharp images on the fly.

Motion kernels follow the Markov process of Boracchi and Foi ("Modeling the Performance of Image Restoration
From Motion Blur", IEEE TIP 2012), which the paper uses for its blurred training data: the camera
moves at constant speed, its direction changes by noise, by a pull back to the start, and now and then by an
abrupt shake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsd.errors import ConfigError
from udsd.images.tensors import through_jpeg

_STEPS = 2000
"""Points of one trajectory."""

_HIGHEST_ANXIETY = 0.012
"""Anxiety scales all changes of direction; each trajectory draws its own below this."""

_HIGHEST_SHAKE_PROBABILITY = 0.2
_HIGHEST_NOISE = 10.0
_HIGHEST_PULL = 0.7

_LONGEST_PATH = 255.0
_WIDEST_RADIUS = 32.0
_WIDEST_SIGMA = 16.0


@dataclass(frozen=True, slots=True)
class BlurConfig:
    """Ranges that the blur of each training image is drawn from.

    Attributes:
        path_length: Shortest and longest camera path in pixels.
        motion_probability: Share of images that the camera moves in; the others have no motion blur.
        straight_probability: Share of the camera paths that are straight lines at constant speed (a passing car, a
            panning camera) in place of shakes.
        defocus_probability: Share of images that are out of focus as well.
        defocus_radius: Smallest and largest radius of the disc of defocus in pixels.
        gaussian_probability: Share of images that a Gaussian blurs as well (cheap lenses, scaling).
        gaussian_sigma: Smallest and largest standard deviation of that Gaussian in pixels.
        noise: Smallest and largest standard deviation of the Gaussian noise added after blurring, in grey
            levels of 255.
        jpeg_probability: Share of images that go through JPEG in the end.
        jpeg_quality: Lowest and highest quality of it, 1 to 100.
    """

    path_length: tuple[float, float] = (10.0, 60.0)
    motion_probability: float = 1.0
    straight_probability: float = 0.0
    defocus_probability: float = 0.0
    defocus_radius: tuple[float, float] = (0.5, 3.0)
    gaussian_probability: float = 0.0
    gaussian_sigma: tuple[float, float] = (0.3, 1.5)
    noise: tuple[float, float] = (0.0, 2.0)
    jpeg_probability: float = 0.0
    jpeg_quality: tuple[float, float] = (60.0, 95.0)

    def __post_init__(self) -> None:
        _check_range("path_length", self.path_length, 0.0, _LONGEST_PATH)
        _check_range("defocus_radius", self.defocus_radius, 0.0, _WIDEST_RADIUS)
        _check_range("noise", self.noise, 0.0, 255.0)
        _check_range("gaussian_sigma", self.gaussian_sigma, 0.1, _WIDEST_SIGMA)
        _check_range("jpeg_quality", self.jpeg_quality, 1.0, 100.0)
        for name in (
            "motion_probability",
            "straight_probability",
            "defocus_probability",
            "gaussian_probability",
            "jpeg_probability",
        ):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a number from 0 to 1")

    @property
    def kernel_size(self) -> int:
        """Side in pixels, odd, of a square that holds every kernel of this configuration.

        A path of length L, at constant speed, reaches no further than L/2 from its own centre of mass: the
        centre is the mean of its points, and a point's mean distance along the path is at most L/2. Two more
        pixels take the bilinear rasterisation; the disc adds its radius, the Gaussian three deviations.
        """
        reach = self.path_length[1] / 2 + 2
        if self.defocus_probability > 0:
            reach += self.defocus_radius[1]
        if self.gaussian_probability > 0:
            reach += 3 * self.gaussian_sigma[1]
        return 2 * int(np.ceil(reach)) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Blur:
    """What was drawn to blur one batch; applied where the images are.

    Attributes:
        kernels: (B, K, K), each summing to 1.
        noise: (B, C, H, W), of the size that is left once the kernels have been applied, for images in [-1, 1].
        jpeg_qualities: Index to quality of the images that go through JPEG.
    """

    kernels: Tensor
    noise: Tensor
    jpeg_qualities: Mapping[int, int]

    def apply(self, images: Tensor) -> Tensor:
        """Blur images (B, C, H + K - 1, W + K - 1) in [-1, 1] to (B, C, H, W); the kernels move to their device.

        Noise is added and the result is limited to [-1, 1], as a sensor does.
        """
        kernels, noise = (drawn.to(images.device, non_blocking=True) for drawn in (self.kernels, self.noise))
        blurred = (apply_kernels(images, kernels) + noise).clamp(-1, 1)
        for index, quality in self.jpeg_qualities.items():
            blurred[index] = through_jpeg(blurred[index], quality).to(images.device)
        return blurred


class BlurSampler:
    """Draw blur kernels, and blur batches with them.

    Args:
        config: Ranges to draw from.
        random: Source of all randomness; its state alone decides what comes next.
    """

    def __init__(self, config: BlurConfig, random: np.random.Generator) -> None:
        self.config = config
        self._random = random

    def kernels(self, count: int) -> Tensor:
        """Draw blur kernels, float32 (count, K, K) with K = ``config.kernel_size``, each summing to 1."""
        lengths = self._random.uniform(*self.config.path_length, size=count)
        config = self.config
        trajectories = sample_trajectories(lengths, self._random)
        straight = self._chosen(count, config.straight_probability)
        trajectories[:, straight] = straight_trajectories(lengths[straight], self._random)
        trajectories[:, self._chosen(count, 1 - config.motion_probability)] = 0
        kernels = torch.from_numpy(rasterize(trajectories, config.kernel_size))
        kernels = self._widen(kernels, config.defocus_probability, config.defocus_radius, defocus_discs)
        return self._widen(kernels, config.gaussian_probability, config.gaussian_sigma, gaussian_kernels)

    def draw(self, count: int, height: int, width: int, channels: int = 3) -> Blur:
        """Draw the blur of a batch of ``count`` images that are (height, width) once they are blurred."""
        kernels = self.kernels(count)
        noise = torch.from_numpy(self._random.standard_normal((count, channels, height, width), dtype=np.float32))
        levels = self._random.uniform(*self.config.noise, size=(count, 1, 1, 1)) * (2 / 255)
        return Blur(kernels, noise * torch.from_numpy(levels).float(), self._qualities(count))

    def blur(self, images: Tensor) -> Tensor:
        """Blur images (B, C, H, W) in [-1, 1]; H and W shrink by K - 1, so that no border is invented."""
        count, channels, height, width = images.shape
        shrunk = self.config.kernel_size - 1
        return self.draw(count, height - shrunk, width - shrunk, channels).apply(images)

    def _widen(
        self, kernels: Tensor, probability: float, sizes: tuple[float, float], shape: Callable[[Tensor, int], Tensor]
    ) -> Tensor:
        """Convolve a share of the kernels with others of a random size."""
        chosen = self._chosen(len(kernels), probability)
        if chosen.size:
            drawn = torch.from_numpy(self._random.uniform(*sizes, size=chosen.size))
            kernels[chosen] = convolve_circular(kernels[chosen], shape(drawn, kernels.shape[-1]))
        return kernels

    def _chosen(self, count: int, probability: float) -> NDArray[np.intp]:
        """Indices of a random share. What is switched off draws nothing, and so leaves all other draws alone."""
        if probability == 0:
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(self._random.random(count) < probability)

    def _qualities(self, count: int) -> dict[int, int]:
        chosen = self._chosen(count, self.config.jpeg_probability)
        qualities = self._random.uniform(*self.config.jpeg_quality, size=chosen.size)
        return {int(index): round(quality) for index, quality in zip(chosen, qualities, strict=True)}


def sample_trajectories(
    lengths: Sequence[float] | NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.complex128]:
    """Draw camera trajectories, all at once.

    Args:
        lengths: Path length of each trajectory in pixels.
        random: Source of randomness.

    Returns:
        Positions in pixels as complex numbers (x + iy), shape (2000, N), centred on their mean: the blur does
        not shift the image, so that a restored image can be compared with the sharp one.
    """
    step = np.asarray(lengths, dtype=float) / (_STEPS - 1)
    count = step.size
    anxiety = _HIGHEST_ANXIETY * random.random(count)
    shake_probability = _HIGHEST_SHAKE_PROBABILITY * random.random(count) * anxiety
    noise_strength = _HIGHEST_NOISE * random.random(count) * anxiety
    pull = _HIGHEST_PULL * random.random(count) * anxiety

    # Positions and velocities are in units of each trajectory's own step, so that one loop serves all lengths.
    noise = random.standard_normal((_STEPS, count, 2)).view(np.complex128)[..., 0] * noise_strength
    shaken = random.random((_STEPS, count)) < shake_probability
    turns = np.where(shaken, 2 * np.exp(1j * (np.pi + random.random((_STEPS, count)) - 0.5)), 0)
    velocity = np.exp(2j * np.pi * random.random(count))
    positions = np.zeros((_STEPS, count), dtype=np.complex128)
    for index in range(1, _STEPS):
        here = positions[index - 1]
        velocity = velocity + velocity * turns[index] + noise[index] - pull * here * step
        velocity /= np.abs(velocity)
        positions[index] = here + velocity
    positions = positions * step
    centred: NDArray[np.complex128] = positions - positions.mean(axis=0)
    return centred


def straight_trajectories(
    lengths: Sequence[float] | NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.complex128]:
    """Draw straight camera paths of random direction at constant speed; arguments and result as `sample_trajectories`."""
    lengths = np.asarray(lengths, dtype=float)
    ends = lengths * np.exp(1j * random.uniform(0, np.pi, size=lengths.size))
    return np.linspace(-0.5, 0.5, _STEPS)[:, None] * ends


def rasterize(trajectories: NDArray[np.complex128], size: int) -> NDArray[np.float32]:
    """Draw trajectories into kernels with bilinear (sub-pixel) weights.

    Args:
        trajectories: Positions (T, N) as complex numbers in pixels, relative to the kernel's middle.
        size: Side of the kernels, odd, and wide enough for all positions.

    Returns:
        Kernels (N, size, size), each summing to 1.
    """
    points, count = trajectories.shape
    x, y = trajectories.real + size // 2, trajectories.imag + size // 2
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    right_share, bottom_share = x - left, y - top
    corner = (np.arange(count) * size + top) * size + left
    corners = np.stack([corner, corner + 1, corner + size, corner + size + 1])
    weights = np.stack(
        [
            (1 - right_share) * (1 - bottom_share),
            right_share * (1 - bottom_share),
            (1 - right_share) * bottom_share,
            right_share * bottom_share,
        ]
    )
    drawn = np.bincount(corners.ravel(), weights.ravel() / points, minlength=count * size * size)
    return drawn.reshape(count, size, size).astype(np.float32)


def defocus_discs(radii: Tensor, size: int) -> Tensor:
    """Discs of defocus with soft (anti-aliased) rims: radii (N,) in pixels to kernels (N, size, size)."""
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
    """Convolve kernels (N, K, K) pairwise about their middle pixel; they must fit K together."""
    size = first.shape[-1]
    product = torch.fft.rfft2(first) * torch.fft.rfft2(second)
    centred = torch.fft.irfft2(product, s=(size, size)).roll((-(size // 2), -(size // 2)), dims=(1, 2))
    kernels: Tensor = centred.clamp_min(0)  # the transform's rounding leaves tiny negative weights
    return kernels.div(kernels.sum(dim=(1, 2), keepdim=True))


def apply_kernels(images: Tensor, kernels: Tensor) -> Tensor:
    """Convolve each image with its own kernel, keeping only what needs no border.

    Args:
        images: (B, C, H, W), float.
        kernels: (B, K, K) with K odd.

    Returns:
        (B, C, H - K + 1, W - K + 1). Computed by FFT in float32: wide kernels cost no more than narrow ones.
    """
    height, width = images.shape[-2:]
    size = kernels.shape[-1]
    if size > min(height, width):
        raise ConfigError(f"kernels of {size} px need images of at least that size; got {height} x {width}")
    spectrum = torch.fft.rfft2(images.float()) * torch.fft.rfft2(kernels.float(), s=(height, width))[:, None]
    blurred: Tensor = torch.fft.irfft2(spectrum, s=(height, width))
    return blurred[..., size - 1 :, size - 1 :]


def _check_range(name: str, given: tuple[float, float], lowest: float, highest: float) -> None:
    low, high = given
    if not lowest <= low <= high <= highest:
        raise ConfigError(f"{name} is {low} to {high}; give a range within {lowest:g} to {highest:g}, the lower first")
