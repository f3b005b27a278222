"""Synthetic blur: camera paths, defocus, noise and JPEG, applied to sharp images on the fly.

The steps, in this order: a camera path, a disc of defocus and a Gaussian, combined in one kernel; the sensor's noise;
the camera's sharpening; JPEG compression. An image may be stored smaller before the noise, and enlarged again at the
end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsd.degradation.blur_set import load_blurs
from udsd.degradation.camera_paths import CameraPaths, rasterize, sample_camera_paths, straight_camera_paths
from udsd.degradation.kernels import (
    apply_in_linear_light,
    apply_kernels,
    convolve_circular,
    defocus_discs,
    gaussian_kernels,
)
from udsd.degradation.taking import taken, taken_small
from udsd.errors import ConfigError
from udsd.images.levels import GREY_LEVEL

_LONGEST_PATH = 255.0
_WIDEST_RADIUS = 32.0
_WIDEST_SIGMA = 16.0
_LARGEST_GAMMA = 4.0
_LARGEST_AMOUNT = 4.0
_LARGEST_FACTOR = 8.0

_FACTORS_IN_BATCH = 2
"""Different factors that the images of one batch are enlarged by. Images of one factor are computed together: with a
factor for each a GPU would wait for the launches of as many small operations."""


@dataclass(frozen=True, slots=True)
class BlurConfig:
    """Ranges that the blur of each training image is drawn from.

    Attributes:
        path_length: Shortest and longest camera path in pixels.
        motion_probability: Share of images with motion blur.
        straight_probability: Share of the camera paths that are straight lines at constant speed (a passing car, a
            panning camera) instead of camera shake.
        defocus_probability: Share of images that are out of focus as well.
        defocus_radius: Smallest and largest radius of the disc of defocus in pixels.
        gaussian_probability: Share of images with Gaussian blur as well (cheap lenses, scaling).
        gaussian_sigma: Smallest and largest standard deviation of that Gaussian in pixels.
        gamma_probability: Share of images that are blurred in linear light, as by a camera, instead of in their grey
            levels: dark print then comes out thinner, and small lights glare.
        gamma: Smallest and largest exponent that turns grey levels in [0, 1] into light.
        noise: Smallest and largest standard deviation of the Gaussian noise added after blurring, in grey
            levels of 255.
        sharpened_probability: Share of images that the camera sharpens after the noise, by an unsharp mask.
        sharpened_amount: Smallest and largest part of the difference to the softened image that it adds.
        jpeg_probability: Share of images that are compressed as JPEG at the end.
        jpeg_quality: Lowest and highest JPEG quality, 1 to 100.
        enlarged_probability: Share of images that are stored smaller before noise and JPEG, and enlarged again after,
            as small print is for the network when it is used. The sharp image stays as it is, and sizes of blur are
            those in the enlarged picture.
        enlarged_factor: Smallest and largest factor by which they are enlarged, from 1 to 8. The logarithm is drawn
            uniformly; a batch has two factors at most.
        learnt: File of a set of blurs (`udsd.degradation.BlurSet`, such as ``udsd-train`` learns from blurred images)
            that all images are blurred from instead; of the other settings only those of enlarged images then mean
            anything. Empty for none.
    """

    path_length: tuple[float, float] = (10.0, 60.0)
    motion_probability: float = 1.0
    straight_probability: float = 0.0
    defocus_probability: float = 0.0
    defocus_radius: tuple[float, float] = (0.5, 3.0)
    gaussian_probability: float = 0.0
    gaussian_sigma: tuple[float, float] = (0.3, 1.5)
    gamma_probability: float = 0.0
    gamma: tuple[float, float] = (1.7, 2.5)
    noise: tuple[float, float] = (0.0, 2.0)
    sharpened_probability: float = 0.0
    sharpened_amount: tuple[float, float] = (0.2, 0.7)
    jpeg_probability: float = 0.0
    jpeg_quality: tuple[float, float] = (60.0, 95.0)
    enlarged_probability: float = 0.0
    enlarged_factor: tuple[float, float] = (1.2, 2.2)
    learnt: str = ""

    def __post_init__(self) -> None:
        _check_range("path_length", self.path_length, 0.0, _LONGEST_PATH)
        _check_range("defocus_radius", self.defocus_radius, 0.0, _WIDEST_RADIUS)
        _check_range("gaussian_sigma", self.gaussian_sigma, 0.1, _WIDEST_SIGMA)
        _check_range("gamma", self.gamma, 1.0, _LARGEST_GAMMA)
        _check_range("noise", self.noise, 0.0, 255.0)
        _check_range("sharpened_amount", self.sharpened_amount, 0.0, _LARGEST_AMOUNT)
        _check_range("jpeg_quality", self.jpeg_quality, 1.0, 100.0)
        _check_range("enlarged_factor", self.enlarged_factor, 1.0, _LARGEST_FACTOR)
        for name in (
            "motion_probability",
            "straight_probability",
            "defocus_probability",
            "gaussian_probability",
            "gamma_probability",
            "sharpened_probability",
            "jpeg_probability",
            "enlarged_probability",
        ):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a number from 0 to 1")

    @property
    def kernel_size(self) -> int:
        """Side in pixels, odd, of a square that holds every kernel of this configuration.

        No point of a path of length L at constant speed is further than L/2 from its centre of mass: the centre is the
        mean of its points, whose mean distance from any one of them along the path is at most L/2. Bilinear
        rasterisation adds two pixels, the disc its radius, the Gaussian three standard deviations.

        Raises:
            ConfigError: The file of the learnt blurs cannot be read.
        """
        if self.learnt:
            return load_blurs(self.learnt).kernel_size
        reach = self.path_length[1] / 2 + 2
        if self.defocus_probability > 0:
            reach += self.defocus_radius[1]
        if self.gaussian_probability > 0:
            reach += 3 * self.gaussian_sigma[1]
        return 2 * int(np.ceil(reach)) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Blur:
    """The random draws that blur one batch; they are applied on the device of the images.

    Attributes:
        kernels: (B, K, K), each summing to 1.
        noise: (B, C, H, W), the size of the images after the kernels were applied, in units of images in [-1, 1].
        jpeg_qualities: JPEG quality of the images that are compressed, by their index in the batch.
        factors: What images that are stored small are enlarged by, by their index in the batch.
        gammas: (B,), exponents between grey levels and the light that is blurred, 1 for an image whose grey levels are;
            None if it is 1 for all.
        sharpening: (B,), parts that the camera's unsharp mask adds, 0 for none; None if it is 0 for all.
    """

    kernels: Tensor
    noise: Tensor
    jpeg_qualities: Mapping[int, int]
    factors: Mapping[int, float] = field(default_factory=dict)
    gammas: Tensor | None = None
    sharpening: Tensor | None = None

    def apply(self, images: Tensor, *, rounded: bool = False) -> Tensor:
        """Blur images (B, C, H + K - 1, W + K - 1) in [-1, 1] to (B, C, H, W); the kernels move to their device.

        Noise is added before the result is clipped to [-1, 1], as in a sensor; sharpening and JPEG follow
        (`udsd.degradation.taking`). With ``rounded`` pixels are rounded to grey levels, as a file holds them; those of
        enlarged images always are, while they are small.
        """
        kernels, noise = (drawn.to(images.device, non_blocking=True) for drawn in (self.kernels, self.noise))
        gammas, sharpening = (
            None if drawn is None else drawn.to(images.device, non_blocking=True)
            for drawn in (self.gammas, self.sharpening)
        )
        blurred = apply_kernels(images, kernels) if gammas is None else apply_in_linear_light(images, kernels, gammas)
        if not self.factors:
            return taken(blurred, noise, self.jpeg_qualities, sharpening, rounded=rounded)
        results = torch.empty_like(blurred)
        for factor, members in self._by_factor(len(blurred)).items():
            # Without waiting for what the device is doing.
            places = torch.tensor(members).to(blurred.device, non_blocking=True)
            part, own_noise = blurred[places], noise[places]
            own_sharpening = None if sharpening is None else sharpening[places]
            qualities = self._qualities_of(members)
            if factor is None:
                results[places] = taken(part, own_noise, qualities, own_sharpening, rounded=rounded)
            else:
                results[places] = taken_small(part, own_noise, qualities, factor, own_sharpening)
        return results

    def _by_factor(self, count: int) -> dict[float | None, list[int]]:
        """The images of a batch by the factor that they are enlarged by; None for those that keep their size."""
        groups: dict[float | None, list[int]] = {}
        for index in range(count):
            groups.setdefault(self.factors.get(index), []).append(index)
        return groups

    def _qualities_of(self, members: Sequence[int]) -> dict[int, int]:
        """JPEG qualities of some images, by their place among these."""
        return {
            place: self.jpeg_qualities[index] for place, index in enumerate(members) if index in self.jpeg_qualities
        }


class BlurSampler:
    """Draw degradations (kernel, noise, JPEG, size), and apply them to batches.

    Args:
        config: Ranges to draw from, or the file of a learnt set.
        random: Source of all randomness.

    Raises:
        ConfigError: The file of the learnt set cannot be read.
    """

    def __init__(self, config: BlurConfig, random: np.random.Generator) -> None:
        self.config = config
        self._random = random
        self._learnt = load_blurs(config.learnt) if config.learnt else None

    def kernels(self, count: int, shaken: CameraPaths | None = None) -> Tensor:
        """Draw blur kernels, float32 (count, K, K) with K = ``config.kernel_size``, each summing to 1.

        Args:
            count: Number of kernels.
            shaken: Paths of a shaken camera that were drawn before, as many, of lengths in the range of ``config``;
                they are changed. Without them they are drawn here.
        """
        if self._learnt is not None:
            return self._learnt.draw(count, self._random).kernels(self.config.kernel_size)
        config = self.config
        if shaken is None:
            lengths = self._random.uniform(*config.path_length, size=count)
            shaken = CameraPaths(lengths, sample_camera_paths(lengths, self._random))
        lengths, paths = shaken.lengths, shaken.positions
        straight = self._random_share(count, config.straight_probability)
        paths[:, straight] = straight_camera_paths(lengths[straight], self._random)
        paths[:, self._random_share(count, 1 - config.motion_probability)] = 0
        kernels = torch.from_numpy(rasterize(paths, config.kernel_size))
        kernels = self._convolve_share(kernels, config.defocus_probability, config.defocus_radius, defocus_discs)
        return self._convolve_share(kernels, config.gaussian_probability, config.gaussian_sigma, gaussian_kernels)

    def draw(
        self, count: int, height: int, width: int, channels: int = 3, *, shaken: CameraPaths | None = None
    ) -> Blur:
        """Draw the blur of a batch of ``count`` images whose blurred size is (height, width).

        ``shaken`` is as for `kernels`.
        """
        if self._learnt is not None:
            drawn = self._learnt.draw(count, self._random)
            kernels, levels = drawn.kernels(self.config.kernel_size), drawn.noise
            noise = self._noise((count, channels, height, width))
            qualities = {index: round(quality) for index, quality in enumerate(drawn.qualities) if quality > 0}
            gammas = torch.from_numpy(drawn.gammas).float() if (drawn.gammas > 1).any() else None
            sharpening = None
        else:
            kernels = self.kernels(count, shaken)
            noise = self._noise((count, channels, height, width))
            levels = self._random.uniform(*self.config.noise, size=count)
            qualities = self._qualities(count)
            gammas = self._of_a_share(count, self.config.gamma_probability, self.config.gamma, others=1.0)
            sharpening = self._of_a_share(
                count, self.config.sharpened_probability, self.config.sharpened_amount, others=0.0
            )
        scales = torch.from_numpy(levels * GREY_LEVEL).float()[:, None, None, None]
        return Blur(kernels, noise * scales, qualities, self._factors(count), gammas, sharpening)

    def blur(self, images: Tensor) -> Tensor:
        """Blur images (B, C, H, W) in [-1, 1]; H and W shrink by K - 1, so that no border has to be made up."""
        count, channels, height, width = images.shape
        shrunk = self.config.kernel_size - 1
        return self.draw(count, height - shrunk, width - shrunk, channels).apply(images)

    def _noise(self, shape: tuple[int, ...]) -> Tensor:
        return torch.from_numpy(self._random.standard_normal(shape, dtype=np.float32))

    def _convolve_share(
        self, kernels: Tensor, probability: float, sizes: tuple[float, float], shape: Callable[[Tensor, int], Tensor]
    ) -> Tensor:
        """Convolve a random share of kernels (N, K, K), in place, with those that ``shape`` makes of random sizes."""
        chosen = self._random_share(len(kernels), probability)
        if chosen.size:
            drawn = torch.from_numpy(self._random.uniform(*sizes, size=chosen.size))
            kernels[chosen] = convolve_circular(kernels[chosen], shape(drawn, kernels.shape[-1]))
        return kernels

    def _random_share(self, count: int, probability: float) -> NDArray[np.intp]:
        """Indices of a random share. A probability of 0 draws nothing: what is off does not change the other draws."""
        if probability == 0:
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(self._random.random(count) < probability)

    def _qualities(self, count: int) -> dict[int, int]:
        chosen = self._random_share(count, self.config.jpeg_probability)
        qualities = self._random.uniform(*self.config.jpeg_quality, size=chosen.size)
        return {int(index): round(quality) for index, quality in zip(chosen, qualities, strict=True)}

    def _of_a_share(
        self, count: int, probability: float, numbers: tuple[float, float], *, others: float
    ) -> Tensor | None:
        """Numbers (count,) of a random share, between two; the others have theirs. None if nothing is chosen."""
        chosen = self._random_share(count, probability)
        if not chosen.size:
            return None
        drawn = torch.full((count,), others)
        drawn[chosen] = torch.from_numpy(self._random.uniform(*numbers, size=chosen.size)).float()
        return drawn

    def _factors(self, count: int) -> dict[int, float]:
        """What a share of the images is enlarged by, drawn after all else."""
        chosen = self._random_share(count, self.config.enlarged_probability)
        if not chosen.size:
            return {}
        smallest, largest = np.log(self.config.enlarged_factor)
        factors = np.exp(self._random.uniform(smallest, largest, size=_FACTORS_IN_BATCH))
        drawn = factors[self._random.integers(len(factors), size=chosen.size)]
        return {int(index): float(factor) for index, factor in zip(chosen, drawn, strict=True)}


def _check_range(name: str, given: tuple[float, float], lowest: float, highest: float) -> None:
    low, high = given
    if not lowest <= low <= high <= highest:
        raise ConfigError(f"{name} is {low} to {high}; give a range within {lowest:g} to {highest:g}, the lower first")
