"""Photographs of pages, drawn: a page on a desk, at a slant, in uneven light, as a camera sees it that holds still."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from udsd.consistency.curves import from_light, to_light
from udsd.evaluation import SharpImage, whole_images
from udsd.images.levels import from_array, to_array

SEED = 2711
_LARGEST = (1150, 1300)
"""Rows and columns in pixels that a photograph has at most."""

_SLANT = 0.03
"""Part of a side that the corners of a page lie apart from those of a rectangle, at most."""


def photograph(pages: Sequence[Path], count: int) -> Iterator[SharpImage]:
    """Photographs of some of the pages, evenly chosen."""
    chosen = [pages[number * len(pages) // count] for number in range(count)]
    for number, page in enumerate(whole_images(chosen)):
        yield SharpImage(page.name, _photograph(page.image, np.random.default_rng([SEED, number])))


def _photograph(page: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """A page (H, W, 3) as it is seen by a camera."""
    top = page.shape[0] // 10
    page = page[top : top + _LARGEST[0], : _LARGEST[1]]
    light: NDArray[np.float32] = (to_light(from_array(page))[0].permute(1, 2, 0).numpy() + 1) / 2
    height, width = light.shape[:2]
    # Paper returns nine tenths of the light at most, and ink some of it.
    light = (0.02 + 0.86 * light) * np.array([1, 0.96, 0.88]) ** random.uniform(0, 1.2)
    fibres = cv2.GaussianBlur(random.standard_normal((height, width)), (0, 0), 1.2)
    light = _slanted((light * (1 + 0.02 * fibres[..., None])).astype(np.float32), random)
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    down, right = random.uniform(-0.25, 0.25, size=2)
    lamp = (1 - down * rows - right * columns - 0.12 * (rows**2 + columns**2)) * random.uniform(0.6, 0.95)
    seen = torch.from_numpy(light * lamp[..., None]).permute(2, 0, 1)
    return to_array(from_light(2 * seen - 1))


def _slanted(light: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """A page as a camera sees it that is not held straight, with the desk around it."""
    height, width = light.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    apart = random.uniform(-_SLANT, _SLANT, size=(4, 2)) * (width, height)
    turn = cv2.getPerspectiveTransform(corners, (corners + apart).astype(np.float32))
    desk = random.uniform(0.02, 0.25, size=3).tolist()
    slanted: NDArray[np.float32] = cv2.warpPerspective(
        light, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=desk
    )
    return slanted
