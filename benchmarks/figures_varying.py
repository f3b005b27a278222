"""Pages whose blur differs from place to place: their focus is lost gradually, or the camera turned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from figures_sets import Varying
from numpy.typing import NDArray

from udsd.consistency.curves import from_light, to_light
from udsd.degradation.kernels import defocus_discs
from udsd.evaluation import EvaluationPair, SharpImage, whole_images
from udsd.images.levels import from_array, to_array

SEED = 1911
_ROWS, _COLUMNS = 1000, 900
"""Of the part of a page, in pixels."""

_RADII = np.arange(0, 5.01, 0.5)
"""Of discs in pixels, between which the blur of a place is interpolated."""

_MOMENTS = 41
"""In which the camera is caught on its way."""

_NOISE = (0.5, 2.0)
"""Standard deviation in grey levels."""


def parts_of_pages(pages: Sequence[Path], count: int) -> Iterator[SharpImage]:
    """The upper middle of some of the pages, evenly chosen."""
    chosen = [pages[number * len(pages) // count] for number in range(count)]
    for page in whole_images(chosen):
        top, left = page.image.shape[0] // 10, max(page.image.shape[1] - _COLUMNS, 0) // 2
        part = page.image[top : top + _ROWS, left : left + _COLUMNS]
        yield SharpImage(page.name, np.ascontiguousarray(part))


def varying_pairs(images: Sequence[SharpImage], how: Varying) -> Iterator[EvaluationPair]:
    """Blur the light of each image in a way of its own, and add a camera's noise."""
    blur = {"focus": _out_of_focus, "turning": _turned}[how]
    for number, image in enumerate(images):
        random = np.random.default_rng([SEED, number])
        light = to_light(from_array(image.image))[0].permute(1, 2, 0).numpy()
        seen = torch.from_numpy(blur(light, random).astype(np.float32)).permute(2, 0, 1)
        levels = from_light(seen.clamp(-1, 1))
        noise = random.normal(0, random.uniform(*_NOISE) / 127.5, levels.shape)
        blurred = to_array(levels + torch.from_numpy(noise.astype(np.float32)))
        yield EvaluationPair(image.name, image.image, blurred, how)


def _out_of_focus(light: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float64]:
    """Discs of 0 to 1.5 px at the one side of an image (H, W, 3), of 2.5 to 4.5 px at the other, and between them."""
    height, width = light.shape[:2]
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle, nearest, farthest = random.uniform(0, 2 * np.pi), random.uniform(0, 1.5), random.uniform(2.5, 4.5)
    down, right = np.sin(angle), np.cos(angle)
    way = (down * rows + right * columns) / (abs(down) + abs(right))
    place = np.interp(nearest + (farthest - nearest) * (way + 1) / 2, _RADII, np.arange(len(_RADII)))
    seen = np.zeros(light.shape)
    for number, radius in enumerate(_RADII):
        disc = defocus_discs(torch.tensor([float(radius)]), 2 * int(_RADII[-1] + 1) + 1)[0].numpy()
        weight = np.clip(1 - abs(place - number), 0, None)
        seen += weight[..., None] * cv2.filter2D(light, -1, disc, borderType=cv2.BORDER_REPLICATE)
    return seen


def _turned(light: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float64]:
    """Turned by .4 to 1 degree about the middle of an image (H, W, 3), and moved by 4 to 14 px."""
    height, width = light.shape[:2]
    turn, length, angle = random.uniform(0.4, 1.0), random.uniform(4, 14), random.uniform(0, 2 * np.pi)
    seen = np.zeros(light.shape)
    for moment in np.linspace(-0.5, 0.5, _MOMENTS):
        place = cv2.getRotationMatrix2D((width / 2, height / 2), turn * moment, 1)
        place[:, 2] += length * moment * np.array([np.cos(angle), np.sin(angle)])
        seen += cv2.warpAffine(light, place, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return seen / _MOMENTS
