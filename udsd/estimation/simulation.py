"""Signatures of sharp images that were blurred in known ways."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Blur random parts of sharp images, one with each blur, and take their signatures.

    Args:
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
        return signature(blurred_luminance(part, kernels[index], noise, quality, random))

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        return torch.stack(list(threads.map(one, range(len(blurs)))))


def read(images: Sequence[Luminance], most: int, random: np.random.Generator) -> tuple[Tensor, list[int]]:
    """The signatures of images, and of which image each is.

    Where there are fewer images than ``most``, more than one part of the larger ones is read.
    """
    signatures, owners = [], []
    for turn in range(max(1, most // max(len(images), 1))):
        for index, image in enumerate(images):
            part = busiest_part(image, random)
            if turn == 0 or image.size >= (turn + 1) * part.size:
                signatures.append(signature(np.ascontiguousarray(part)))
                owners.append(index)
    return torch.stack(signatures), owners


def blurred_luminance(
    sharp: Luminance, kernel: Tensor, noise: float, quality: int, random: np.random.Generator
) -> Luminance:
    """Blur a part with its margin; what comes back is without, in whole levels."""
    image = torch.from_numpy(np.ascontiguousarray(sharp))
    spectrum = torch.fft.rfft2(image) * torch.fft.rfft2(kernel, s=image.shape)
    blurred = torch.fft.irfft2(spectrum, s=image.shape)[KERNEL_SIZE - 1 :, KERNEL_SIZE - 1 :].numpy()
    grain = random.standard_normal(blurred.shape, dtype=np.float32) * np.float32(noise * NOISE_SHARE)
    levels = (blurred + grain).clip(0, 255).round().astype(np.uint8)
    return (grey_through_jpeg(levels, quality) if quality else levels).astype(np.float32)
