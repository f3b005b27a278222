from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from skimage import data
from torch import Tensor

from udsd.domains.faces.blazeface import BlazeFace, face_detector
from udsd.images.levels import from_array


class Model:
    """In place of a model: makes everything a little lighter, and notes what came."""

    def __init__(self, change: float = 0.1) -> None:
        self.change = change
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, images: Tensor, *, overwrite: bool = False) -> Tensor:
        self.shapes.append(tuple(images.shape))
        return (images + self.change).clamp(-1, 1)


@pytest.fixture
def restoring() -> Model:
    return Model()


@pytest.fixture(scope="session")
def detector() -> BlazeFace:
    return face_detector()


@pytest.fixture(scope="session")
def astronaut() -> Tensor:
    """A photo of one face, (1, 3, 512, 512): Eileen Collins, by NASA, in the public domain."""
    return from_array(data.astronaut())


@pytest.fixture(scope="session")
def group(astronaut: Tensor) -> Tensor:
    """Three faces on grey ground, (1, 3, 400, 600), whose aligned crops have sides of 190, 125 and 86 px."""
    picture = torch.full((1, 3, 400, 600), -0.2)
    for left, top, scale in ((20, 120, 1.0), (300, 150, 0.65), (480, 20, 0.45)):
        head = astronaut[..., 10:260, 110:340]
        height, width = (round(side * scale) for side in head.shape[-2:])
        small = F.interpolate(head, (height, width), mode="bicubic", antialias=True).clamp(-1, 1)
        picture[..., top : top + height, left : left + width] = small[..., : 400 - top, : 600 - left]
    return picture
