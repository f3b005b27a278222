"""Signatures of sharp images that were blurred in known ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from udsd.degradation import BlurSet
from udsd.degradation.jpeg import grey_through_jpeg
from udsd.estimation.luminance import NOISE_SHARE, Luminance, busiest_part
from udsd.estimation.signature import signature
from udsd.estimation.transfer import KERNEL_SIZE


def simulate(sharp: Sequence[Luminance], blurs: BlurSet, kernels: Tensor, seed: Sequence[int]) -> Tensor:
    """The `signature` of `simulated` images, float32 (N, F)."""
    return simulated(signature, sharp, blurs, kernels, seed)


def simulated(
    look: Callable[[Luminance], Tensor],
    sharp: Sequence[Luminance],
    blurs: BlurSet,
    kernels: Tensor,
    seed: Sequence[int],
) -> Tensor:
    """Blur random parts of sharp images, one with each blur, and look at what comes out.

    Args:
        look: What is told of a blurred part, (F,).
        sharp: Images to draw from.
        blurs: N blurs.
        kernels: Theirs, (N, 81, 81).
        seed: With the index of a blur it decides which part of which image it blurs, and its noise; so the result is
            the same for any number of threads.

    Returns:
        float32 (N, F).
    """

    def one(index: int) -> Tensor:
        random = np.random.default_rng([*seed, index])
        image = sharp[int(random.integers(len(sharp)))]
        part = busiest_part(image, random, margin=KERNEL_SIZE // 2)
        noise, quality = float(blurs.noise[index]), round(float(blurs.qualities[index]))
        gamma = float(blurs.gammas[index])
        return look(blurred_luminance(part, kernels[index], noise, quality, random, gamma))

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        return torch.stack(list(threads.map(one, range(len(blurs)))))


def read(images: Sequence[Luminance], most: int, random: np.random.Generator) -> tuple[Tensor, list[int]]:
    """The signatures of images (N, F), and of which image each is; of which parts says `parts_of`."""
    parts = list(parts_of(images, most, random))
    return torch.stack([signature(part) for part, _ in parts]), [owner for _, owner in parts]


def parts_of(images: Sequence[Luminance], most: int, random: np.random.Generator) -> Iterator[tuple[Luminance, int]]:
    """Busy parts of images, and of which image each is.

    Where there are fewer images than ``most``, more than one part of the larger ones is given.
    """
    for turn in range(max(1, most // max(len(images), 1))):
        for index, image in enumerate(images):
            part = busiest_part(image, random)
            if turn == 0 or image.size >= (turn + 1) * part.size:
                yield np.ascontiguousarray(part), index


def blurred_luminance(
    sharp: Luminance, kernel: Tensor, noise: float, quality: int, random: np.random.Generator, gamma: float = 1.0
) -> Luminance:
    """Blur a part with its margin; what comes back is without, in whole levels. ``gamma`` is as in `BlurSet`."""
    image = torch.from_numpy(np.ascontiguousarray(sharp))
    if gamma != 1:
        image = (image / 255).pow(gamma)
    spectrum = torch.fft.rfft2(image) * torch.fft.rfft2(kernel, s=image.shape)
    light = torch.fft.irfft2(spectrum, s=image.shape)[KERNEL_SIZE - 1 :, KERNEL_SIZE - 1 :]
    blurred = (light if gamma == 1 else 255 * light.clamp(0, 1).pow(1 / gamma)).numpy()
    grain = random.standard_normal(blurred.shape, dtype=np.float32) * np.float32(noise * NOISE_SHARE)
    levels = (blurred + grain).clip(0, 255).round().astype(np.uint8)
    return (grey_through_jpeg(levels, quality) if quality else levels).astype(np.float32)
