"""Reading the images that a run is measured on. In the place of one that cannot be measured the next one is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from udsd.evaluation.metrics import SMALLEST_MEASURED, Image
from udsd.evaluation.sharp_images import read_rgb_if_possible
from udsd.training.image_lists import warn_of_files

_LARGEST_SIDE = 256


def read_measured(scenes: Sequence[tuple[Path, ...]], places: Sequence[int]) -> dict[int, list[Image]]:
    """The images at some places of a list, by place; of larger ones the middle 256 x 256 pixels.

    What cannot be read, is too small for the scores, or has another size than its partner, is left out with a warning,
    and the next one that can be measured, if any comes before the next place, is taken.

    Args:
        scenes: Image files, each alone or with its partner.
        places: Places in that list, in ascending order.
    """
    found: dict[int, list[Image]] = {}
    small: list[Path] = []
    unequal: list[Path] = []
    for place, end in zip(places, [*places[1:], len(scenes)], strict=True):
        for index in range(place, end):
            images = [image for image in map(read_rgb_if_possible, scenes[index]) if image is not None]
            if len(images) < len(scenes[index]):
                continue
            if len({image.shape for image in images}) > 1:
                unequal.append(scenes[index][-1])
            elif min(images[0].shape[:2]) < SMALLEST_MEASURED:
                small.append(scenes[index][-1])
            else:
                found[index] = [_centre_crop(image) for image in images]
                break
    warn_of_files("have another size than their blurred partner and are left out", unequal)
    warn_of_files(f"are smaller than {SMALLEST_MEASURED} px a side and are not measured", small)
    return found


def spread(count: int, most: int) -> list[int]:
    """Places in a list of ``count``, at most ``most`` of them, evenly from its first to its last."""
    places: list[int] = np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()
    return places


def _centre_crop(image: Image) -> Image:
    top, left = (max(0, side - _LARGEST_SIDE) // 2 for side in image.shape[:2])
    return np.ascontiguousarray(image[top : top + _LARGEST_SIDE, left : left + _LARGEST_SIDE])
