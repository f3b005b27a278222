from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from udsd.domains.faces.aligned import hints_at_a_face, may_be_aligned
from udsd.domains.faces.blazeface import BlazeFace
from udsd.domains.faces.restore import is_sharp


@pytest.fixture
def crop(astronaut: Tensor) -> Tensor:
    return F.interpolate(astronaut[..., 10:230, 120:340], (160, 160), mode="bicubic", antialias=True).clamp(-1, 1)


def test_a_small_square_picture_has_the_form_of_an_aligned_crop() -> None:
    assert may_be_aligned(torch.zeros(1, 3, 218, 178))
    assert not may_be_aligned(torch.zeros(1, 3, 160, 320))
    assert not may_be_aligned(torch.zeros(1, 3, 800, 800))


def test_a_hint_of_a_face_is_seen_where_the_search_would_not_be_sure(crop: Tensor, detector: BlazeFace) -> None:
    soft = F.avg_pool2d(F.pad(crop, (10, 10, 10, 10), mode="reflect"), 21, 1)
    assert hints_at_a_face(crop, detector)
    assert hints_at_a_face(soft, detector)


def test_nothing_hints_at_a_face_where_there_is_none(crop: Tensor, detector: BlazeFace) -> None:
    noise = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1, 3, 10, 10))).float()
    clouds = F.interpolate(noise, (160, 160), mode="bicubic").clamp(-1, 1)
    assert not hints_at_a_face(clouds, detector)
    assert not hints_at_a_face(torch.zeros(1, 3, 160, 160), detector)
    assert not hints_at_a_face(F.interpolate(crop, (700, 700)), detector)  # no aligned crop is so large


@pytest.mark.parametrize(
    ("side", "path", "expected"), [(160, 8, True), (160, 9, False), (80, 4, True), (600, 10, False)]
)
def test_a_face_is_sharp_by_its_path_in_a_crop_of_160_unless_it_is_large(
    side: float, path: float, expected: bool
) -> None:
    assert is_sharp(side, path) is expected
