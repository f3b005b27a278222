"""Learn the blur of a folder of blurred images, without their sharp partners.

Sharp images of the same domain are blurred in many known ways, a reader learns to tell the blur from the result, and
reads the blurred images. Then again, with blurs like those that were found: three rounds of simulation-based inference
("sequential neural posterior estimation"), each with a narrower question than the one before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from udsd.degradation import BlurSet
from udsd.errors import ImageError
from udsd.estimation.estimator import BlurEstimator
from udsd.estimation.folders import MOST_IMAGES
from udsd.estimation.light import UNKNOWN_SHARE, in_linear_light, light_share
from udsd.estimation.likelihood import Likelihood, shares
from udsd.estimation.luminance import Luminance
from udsd.estimation.random_blurs import random_blurs, varied
from udsd.estimation.reader import new_reader
from udsd.estimation.simulation import read, simulate
from udsd.estimation.transfer import KERNEL_SIZE, Axes, describe

logger = logging.getLogger(__name__)

FEWEST_IMAGES = 3

_HELD_OUT = 10
"""Of this many simulated images one is kept from the reader, to find out how reliable it is."""

_KEPT = 1024
"""Blurs of the learnt set."""

_LAST_VARIATION = 0.3

_BETA = 0.5
"""Of `BlurReader.fit`, for an estimator of every blur: on pages a reader's squared error was half of that without.

`learn_blur` does without, as it was measured.
"""

_AT_ONCE = 4000
"""Kernels that are in memory together; 100 MB."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round: how much is simulated, learnt and smoothed.

    Attributes:
        images: Simulated images.
        epochs: Of the reader's training.
        iterations: Of expectation maximisation; more make narrower sets.
        variation: How far the blurs of the next round are varied; see `udsd.estimation.random_blurs.varied`.
    """

    images: int
    epochs: int
    iterations: int
    variation: float

    @property
    def pairs(self) -> int:
        """Images that are blurred once in light and once in levels after it, if it is the first round."""
        return self.images // 8


ROUNDS = (Round(2500, 40, 4, 1.0), Round(2000, 30, 8, 0.7), Round(2000, 30, 12, _LAST_VARIATION))


def learn_blur(
    sharp: Sequence[Luminance],
    blurred: Sequence[Luminance],
    *,
    seed: int = 0,
    rounds: Sequence[Round] = ROUNDS,
    on_round: Callable[[int, BlurSet], None] | None = None,
) -> BlurEstimator:
    """Learn which blurs the blurred images have.

    Args:
        sharp: Luminances of sharp images of the domain (`udsd.estimation.read_luminances`).
        blurred: Those of blurred images of the same domain, not of the same scenes.
        seed: Of all randomness: with the images it decides the result.
        rounds: What is simulated.
        on_round: Called with the number of each round that is done, from 1, and the blurs found so far.

    Returns:
        An estimator whose ``blurs`` are the learnt set of 1,024. As many of these blur light as images seem to be
        blurred in it (`udsd.estimation.light`).

    Raises:
        ImageError: There are fewer than three images of a kind.
    """
    for kind, images in (("sharp", sharp), ("blurred", blurred)):
        if len(images) < FEWEST_IMAGES:
            raise ImageError(f"{len(images)} {kind} images are too few to learn a blur from; give at least 3")
    random = np.random.default_rng([seed, len(rounds)])
    observed, _ = read(blurred, MOST_IMAGES, random)
    in_light = UNKNOWN_SHARE
    blurs = in_linear_light(random_blurs(rounds[0].images, random), in_light, random)
    axes: Axes | None = None
    for number, step in enumerate(rounds):
        kernels = blurs.kernels(KERNEL_SIZE)
        descriptions = describe(blurs, kernels)
        axes = axes or Axes.of(descriptions)
        coordinates = axes.coordinates(descriptions)
        signatures = simulate(sharp, blurs, kernels, [seed, number])
        estimator = _fitted(axes, blurs, coordinates, signatures, step.epochs, seed)
        with torch.inference_mode():
            log_likelihoods = estimator.log_likelihoods(estimator.reader(observed), blurs)
        weights = shares(log_likelihoods, step.iterations).numpy()
        found = replace(blurs, weights=weights / weights.sum())
        if number == 0:
            in_light = light_share(sharp, blurred, found, step.pairs, [seed, len(rounds)])
        is_last = number == len(rounds) - 1
        wanted = _KEPT if is_last else rounds[number + 1].images
        blurs = varied(found.draw(wanted, random), random, step.variation, switch=0 if is_last else 0.3)
        blurs = in_linear_light(blurs, in_light, random)
        if on_round is not None:
            on_round(number + 1, found)
    return estimator.with_blurs(blurs)


def train_estimator(
    sharp: Sequence[Luminance], *, images: int = 40_000, epochs: int = 30, blurs: int = 4096, seed: int = 0
) -> BlurEstimator:
    """Train an estimator for every kind of blur, for a domain of which there are sharp images only.

    Args:
        sharp: Luminances of sharp images of the domain.
        images: Simulated images.
        epochs: Of the reader's training.
        blurs: Random blurs that it chooses among.
        seed: Of all randomness.

    Raises:
        ImageError: There are fewer than three images.
    """
    if len(sharp) < FEWEST_IMAGES:
        raise ImageError(f"{len(sharp)} sharp images are too few to learn from; give at least {FEWEST_IMAGES}")
    random = np.random.default_rng([seed, images])
    axes, coordinates, signatures = None, [], []
    for number, start in enumerate(range(0, images, _AT_ONCE)):
        simulated = random_blurs(min(_AT_ONCE, images - start), random)
        kernels = simulated.kernels(KERNEL_SIZE)
        descriptions = describe(simulated, kernels)
        axes = axes or Axes.of(descriptions)
        coordinates.append(axes.coordinates(descriptions))
        signatures.append(simulate(sharp, simulated, kernels, [seed, number]))
        logger.info("simulated %d of %d images", start + len(simulated), images)
    if axes is None:
        raise ImageError(f"{images} simulated images are too few; give some thousand")
    return _fitted(
        axes, random_blurs(blurs, random), torch.cat(coordinates), torch.cat(signatures), epochs, seed, _BETA
    )


def _fitted(
    axes: Axes, blurs: BlurSet, coordinates: Tensor, signatures: Tensor, epochs: int, seed: int, beta: float = 0.0
) -> BlurEstimator:
    """Train a reader on nine tenths of what was simulated, and find out on the rest how reliable it is."""
    reader = new_reader(seed)
    kept = torch.arange(len(signatures)) % _HELD_OUT == 0
    reader.fit(signatures[~kept], coordinates[~kept], epochs, seed, beta)
    with torch.inference_mode():
        readings = reader(signatures[kept])
    likelihood = Likelihood.fitted(coordinates[kept], readings)
    error = (readings - coordinates[kept]).square().mean().item()
    logger.debug("the reader's mean squared error is %.3f on %d held-out images", error, int(kept.sum()))
    return BlurEstimator(reader, axes, likelihood, blurs)
