from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from udsd.degradation import BlurConfig, BlurSampler
from udsd.domains.faces.alignment import Placement, cut
from udsd.domains.faces.blur import blur_length
from udsd.domains.faces.face import Face
from udsd.domains.faces.restore import placed

SQUARE = Placement((226, 98), 192)


def blurred(image: Tensor, length: float, seed: int = 0) -> Tensor:
    config = BlurConfig(path_length=(length, length), noise=(1, 1))
    margin = config.kernel_size // 2
    padded = F.pad(image, (margin,) * 4, mode="reflect")
    return BlurSampler(config, np.random.default_rng(seed)).blur(padded)


@pytest.mark.parametrize("length", [10, 25, 60])
def test_the_length_of_the_path_is_estimated(astronaut: Tensor, length: float) -> None:
    face = cut(astronaut, SQUARE, 160)
    found = np.mean([blur_length(blurred(face, length, seed)) for seed in range(8)])
    assert length / 2 < found < 2 * length


def test_more_blur_gives_longer_paths(astronaut: Tensor) -> None:
    face = cut(astronaut, SQUARE, 160)
    lengths = [np.mean([blur_length(blurred(face, path, seed)) for seed in range(8)]) for path in (5, 15, 40, 80)]
    assert lengths == sorted(lengths)
    assert lengths[-1] > 2 * lengths[0]


def test_a_blank_crop_has_a_length() -> None:
    assert np.isfinite(blur_length(torch.zeros(1, 3, 160, 160)))


def test_faces_behind_little_blur_are_restored_larger(astronaut: Tensor) -> None:
    face = Face((171, 67, 108, 108), np.array([[205, 104], [247, 104], [0, 0], [226, 150], [0, 0], [0, 0.0]]), 0.9)
    sizes = [placed(blurred(astronaut, path), [face], 160)[0].size for path in (6, 30, 110)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 200 > sizes[-1]


def test_a_model_of_larger_faces_gets_larger_ones(astronaut: Tensor) -> None:
    face = Face((171, 67, 108, 108), np.array([[205, 104], [247, 104], [0, 0], [226, 150], [0, 0], [0, 0.0]]), 0.9)
    shaken = blurred(astronaut, 45)
    (small,), (large,) = (placed(shaken, [face], side) for side in (80, 160))
    assert large.size > small.size
