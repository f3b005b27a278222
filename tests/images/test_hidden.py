from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from udsd.images.hidden import continued_into


def nearest(hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of each pixel to the nearest that is seen, by looking at all."""
    y, x = np.nonzero(~hidden)
    rows, columns = np.mgrid[: hidden.shape[0], : hidden.shape[1]]
    distances: NDArray[np.float64] = np.hypot(rows[..., None] - y, columns[..., None] - x).min(axis=2)
    return distances


def places(hidden: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of the pixel whose colour each pixel has got."""
    rows, columns = np.mgrid[: hidden.shape[0], : hidden.shape[1]].astype(np.float32)
    pixels = torch.from_numpy(np.stack([rows, columns])[None])
    got = continued_into(pixels, torch.from_numpy(hidden)[None, None])[0].numpy().astype(np.int64)
    return got[0], got[1]


def discs(count: int, radius: int) -> NDArray[np.bool_]:
    """Hidden outside of a few discs, as around things that were cut out."""
    rows, columns = np.mgrid[:60, :80]
    centres = np.random.default_rng(1).integers(0, (60, 80), (count, 2))
    return np.all([np.hypot(rows - y, columns - x) > radius for y, x in centres], axis=0)


@pytest.mark.parametrize("hidden", [discs(3, 12), ~discs(5, 9), np.arange(4800).reshape(60, 80) != 2017, discs(9, 4)])
def test_what_is_hidden_gets_the_nearest_colour_that_is_seen(hidden: NDArray[np.bool_]) -> None:
    rows, columns = places(hidden)
    assert not hidden[rows, columns].any()
    distances = np.hypot(rows - np.arange(60)[:, None], columns - np.arange(80))
    farther = distances - nearest(hidden)
    assert (farther > 1e-9).mean() < 0.08
    assert (farther <= 0.1 * nearest(hidden) + 1e-9).all()
    assert (distances[~hidden] == 0).all()
    for there, back in zip(places(hidden.T), (columns.T, rows.T), strict=True):
        np.testing.assert_array_equal(there, back)


def test_where_nothing_is_seen_all_stays() -> None:
    pixels = torch.rand(1, 3, 4, 5)
    assert torch.equal(continued_into(pixels, torch.ones(1, 1, 4, 5, dtype=torch.bool)), pixels)


def test_pictures_of_all_kinds_need_no_opencv(tmp_path: object) -> None:
    """Its package needs libGL, which slim containers lack."""
    code = """
import sys
sys.modules["cv2"] = None  # its import fails
import numpy as np
from pathlib import Path
from udsd.images import DeepImage, ImagePages, save_image
folder = Path(sys.argv[1])
pixels = np.random.default_rng(0).integers(0, 65536, (9, 7, 4)).astype(np.uint16)
pixels[:3, :3] = 0
for name in ("a.png", "a.tif", "a.ppm"):
    save_image(DeepImage(pixels, {}), folder / name)
    (page,) = ImagePages(folder / name)
    save_image(page.encode(page.pixels), folder / ("b" + name))
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=120)
