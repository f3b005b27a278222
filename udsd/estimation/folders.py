"""The blurs of a folder of images, found with an estimator that is trained already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import as_file, files

import numpy as np
import torch

from udsd.degradation import BlurSet
from udsd.estimation.estimator import BlurEstimator
from udsd.estimation.likelihood import shares
from udsd.estimation.luminance import Luminance
from udsd.estimation.random_blurs import varied
from udsd.estimation.simulation import read

MOST_IMAGES = 400
"""Images of a folder that are read."""

GENERAL_FILE = "blur_of_anything.safetensors"

_ROUNDS = ((4, 1.0), (8, 0.5), (12, 0.3))
"""Iterations of expectation maximisation, and how far what was found is varied after them."""

_KEPT = 2048

_ROUGH_IMAGES, _ROUGH_BLURS = 60, 800

SHARP = 0.7
"""Extent in pixels, as a standard deviation in one direction, below which a blur is none to the eye."""


def find_blurs(estimator: BlurEstimator, images: Sequence[Luminance], seed: int = 0) -> BlurSet:
    """The blurs that explain the images of a folder, 2,048 of equal weight.

    Args:
        estimator: For images of this kind.
        images: Luminances of blurred images, at least one.
        seed: Of all randomness.
    """
    random = np.random.default_rng(seed)
    signatures, _ = read(images, MOST_IMAGES, random)
    blurs = estimator.blurs
    with torch.inference_mode():
        readings = estimator.reader(signatures)
        for iterations, variation in _ROUNDS:
            weights = shares(estimator.log_likelihoods(readings, blurs), iterations).numpy()
            found = replace(blurs, weights=weights / weights.sum())
            blurs = varied(found.draw(_KEPT, random), random, variation)
    return blurs


def typical_extent(blurs: BlurSet) -> float:
    """Median over the set of how far its blurs spread light: the standard deviation of a kernel in pixels.

    It is that in the direction where it is furthest: L / sqrt(12) for a straight path of length L, r / 2 for defocus.
    """
    centred = blurs.paths - blurs.paths.mean(axis=0)
    mean_square, elongation = (np.abs(centred) ** 2).mean(axis=0), np.abs((centred**2).mean(axis=0))
    along = (mean_square + elongation) / 2 + blurs.radii**2 / 4 + blurs.sigmas**2
    order = np.argsort(along)
    middle = int(np.searchsorted(np.cumsum(blurs.weights[order]), 0.5))
    return float(np.sqrt(along[order[min(middle, len(blurs) - 1)]]))


def rough_extent(estimator: BlurEstimator, images: Sequence[Luminance], seed: int = 0) -> float:
    """`typical_extent` of the blurs of images, found at once and roughly: to tell sharp images from blurred ones."""
    random = np.random.default_rng(seed)
    signatures, _ = read(images[:_ROUGH_IMAGES], 1, random)
    blurs = estimator.blurs.take(np.arange(min(_ROUGH_BLURS, len(estimator.blurs))))
    with torch.inference_mode():
        weights = shares(estimator.log_likelihoods(estimator.reader(signatures), blurs), _ROUNDS[0][0]).numpy()
    return typical_extent(replace(blurs, weights=weights / weights.sum()))


def general_estimator() -> BlurEstimator:
    """The estimator that comes with the library: for print, plates and photographs alike, less exact for each."""
    with as_file(files(__package__) / GENERAL_FILE) as path:
        return BlurEstimator.load(path)
