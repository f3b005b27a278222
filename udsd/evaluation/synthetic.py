"""Blur sharp images with fixed seeds, so that the test set is the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from udsd.arguments import whole_number
from udsd.degradation import BlurConfig, BlurSampler, on_other_paper
from udsd.evaluation.metrics import Image
from udsd.evaluation.pairs import EvaluationPair
from udsd.evaluation.sharp_images import SharpImage
from udsd.images.levels import from_array, to_array
from udsd.surroundings import own_settings

_PAPER = 1


def blurred_pairs(
    images: Iterable[SharpImage], config: BlurConfig, *, seed: int = 0, bins: int = 3, other_paper: bool = False
) -> Iterator[EvaluationPair]:
    """Blur each image with a kernel of its own.

    The range ``config.path_length`` is divided into equal bins, which the images take in turn, so that each bin has as
    many images. The blur of an image depends on the seed and its index alone.

    Args:
        images: Sharp images.
        config: Ranges of the blur.
        seed: Seed of all kernels and noise.
        bins: Number of bins of path length; each is a strength in the report.
        other_paper: First reprint each image, in fainter ink on tinted and unevenly lit paper, as training does.

    Raises:
        ConfigError: The seed is negative or there are no bins (raised at the first pair).
    """
    seed = whole_number("seed", seed, 0)
    bins = whole_number("bins", bins, 1)
    edges = np.linspace(*config.path_length, bins + 1)
    for index, image in enumerate(images):
        low, high = edges[index % bins], edges[index % bins + 1]
        sharp = _on_other_paper(image.image, seed, index) if other_paper else image.image
        sampler = BlurSampler(replace(config, path_length=(low, high)), np.random.default_rng([seed, index]))
        blurred, kernel = _blur(sharp, sampler)
        yield EvaluationPair(
            name=image.name,
            sharp=sharp,
            blurred=blurred,
            strength=f"path {low:.0f}-{high:.0f} px",
            text=image.text,
            language=image.language,
            kernel=kernel,
        )


@own_settings()
def _on_other_paper(image: Image, seed: int, index: int) -> Image:
    # Random numbers of its own, so that the blur is the same on any paper.
    random = np.random.default_rng([seed, index, _PAPER])
    printed = on_other_paper(torch.from_numpy(image).permute(2, 0, 1)[None], 1.0, random)
    return printed[0].permute(1, 2, 0).contiguous().numpy()


@own_settings()
def _blur(image: Image, sampler: BlurSampler) -> tuple[Image, npt.NDArray[np.float32]]:
    """Blur an image, uint8 (H, W, 3), padded by repetition of its border pixels; and the kernel that did it."""
    margin = sampler.config.kernel_size // 2
    continued = np.pad(image, [(margin, margin), (margin, margin), (0, 0)], mode="edge")
    blur = sampler.draw(1, *image.shape[:2])
    return to_array(blur.apply(from_array(continued))[0]), blur.kernels[0].numpy()
