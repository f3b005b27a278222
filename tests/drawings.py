"""Small drawn images, and what a known blur makes of them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from udsd.degradation import BlurSet
from udsd.estimation import BlurEstimator, Luminance
from udsd.estimation.simulation import blurred_luminance
from udsd.estimation.transfer import KERNEL_SIZE

LENGTH, ANGLE = 10.0, 30.0
EXTENT = LENGTH / 12**0.5


def drawing(random: np.random.Generator, side: int = 128) -> Luminance:
    """Dark bars and discs of random sizes on light ground."""
    picture = Image.new("L", (side, side), int(random.integers(200, 255)))
    draw = ImageDraw.Draw(picture)
    for _ in range(14):
        left, top, width, height = random.integers(0, side, 2).tolist() + random.integers(3, 40, 2).tolist()
        shape = draw.rectangle if random.random() < 0.5 else draw.ellipse
        shape([left, top, left + width, top + height], fill=int(random.integers(0, 120)))
    return np.asarray(picture, dtype=np.float32)


def through_blur(image: Luminance, blurs: BlurSet, random: np.random.Generator) -> Luminance:
    """The image through the first blur of a set."""
    padded = np.pad(image, KERNEL_SIZE // 2, mode="symmetric")
    kernel = blurs.kernels(KERNEL_SIZE)[0]
    noise, quality, gamma = (float(values[0]) for values in (blurs.noise, blurs.qualities, blurs.gammas))
    return blurred_luminance(padded, kernel, noise, round(quality), random, gamma)


@dataclass(frozen=True)
class Domain:
    """Sharp drawings, and others moved by 10 px at 30 degrees, with noise."""

    sharp: list[Luminance]
    blurred: list[Luminance]
    blur: BlurSet


def extents(blurs: BlurSet) -> NDArray[np.float64]:
    """How far each path spreads light along its direction, as a standard deviation in pixels.

    A bent path of another length may spread it as far: with few simulated images the two are taken for each other.
    """
    centred = blurs.paths - blurs.paths.mean(axis=0)
    return np.sqrt(((np.abs(centred) ** 2).mean(axis=0) + np.abs((centred**2).mean(axis=0))) / 2)


def weights_of(estimator: BlurEstimator) -> NDArray[np.float32]:
    """All weights of a reader in one row."""
    return torch.cat([value.flatten() for value in estimator.reader.state_dict().values()]).numpy()
