"""Where a page is light on dark, region by region."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from udsd.domains.pages.survey import Survey
from udsd.extras import require
from udsd.images.resizing import resized

_ALL, _NONE = 0.95, 0.02
"""Shares of the print that is light, from which on all of the page is, and up to which nothing is."""

_LETTERS = 4
"""Size in pixels to which letters are brought where grounds are looked for."""

_WINDOW = 4
"""Times the size of letters: a window whose median is its ground, since most of it is."""


def light_print(survey: Survey, grey: Tensor) -> Tensor | None:
    """Find where letters are lighter than their ground.

    Args:
        survey: Of the page.
        grey: The page (H, W), as it was surveyed.

    Returns:
        Bool (H, W), or None where there are none.
    """
    is_print = survey.is_print
    if survey.letters is None:
        return None
    is_light = survey.measures.is_light > 0.5
    share = float(is_light[is_print].float().mean())
    if share <= _NONE:
        return None
    if share >= _ALL:
        return torch.ones(grey.shape, dtype=torch.bool)
    ground = _ground(grey, survey.letters)
    of_light, of_dark = (_mean_ground(ground, is_print & flag) for flag in (is_light, ~is_light))
    if of_light >= of_dark:
        return None  # letters cannot be told from what they stand on
    dark = _regions_of(ground < (of_light + of_dark) / 2, is_print & is_light, is_print & ~is_light)
    if not dark.any():
        return None
    mask = torch.from_numpy(dark.astype(np.float32))[None, None]
    return F.interpolate(mask, grey.shape, mode="bilinear")[0, 0] > 0.5


def _ground(grey: Tensor, letters: float) -> NDArray[np.uint8]:
    """The level of the ground, 0 to 255, of a smaller copy of the page."""
    cv2 = require("cv2", "OpenCV")
    scale = min(1.0, _LETTERS / letters)
    height, width = (max(round(side * scale), 1) for side in grey.shape)
    small = ((resized(grey[None, None], height, width)[0, 0].clamp(-1, 1) + 1) * 127.5).byte().numpy()
    window = 2 * int(_WINDOW * letters * scale / 2) + 1
    ground: NDArray[np.uint8] = cv2.medianBlur(small, window)
    return ground


def _mean_ground(ground: NDArray[np.uint8], cells: Tensor) -> float:
    return float(np.mean(ground[_enlarged(cells, ground.shape)]))


def _enlarged(cells: Tensor, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    enlarged: NDArray[np.bool_] = F.interpolate(cells[None, None].float(), shape, mode="nearest")[0, 0].numpy() > 0.5
    return enlarged


def _regions_of(dark: NDArray[np.bool_], light_print: Tensor, dark_print: Tensor) -> NDArray[np.bool_]:
    """Of dark regions those with more light print in them than dark print."""
    cv2 = require("cv2", "OpenCV")
    count, labels = cv2.connectedComponents(dark.astype(np.uint8))
    votes = _enlarged(light_print, dark.shape).astype(int) - _enlarged(dark_print, dark.shape).astype(int)
    by_region = np.bincount(labels.ravel(), weights=votes.ravel(), minlength=count)
    by_region[0] = 0
    chosen: NDArray[np.bool_] = (by_region > 0)[labels]
    return chosen
