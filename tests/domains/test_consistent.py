from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.consistency.restorations import Example, example
from tests.measures import decibels
from udsd.domains import consistent
from udsd.domains.consistent import ConsistentModel, at_scale
from udsd.domains.faces.alignment import Placement
from udsd.domains.faces.face import Face
from udsd.domains.faces.restore import PlacedFace, restore_faces
from udsd.domains.resampling import restore_scaled
from udsd.inference.backend import OnProgress

CPU = torch.device("cpu")


class Sharpener:
    """In place of a model: knows the page, gives it back too soft, and notes what comes."""

    def __init__(self, page: Example) -> None:
        self.soft = page.soft
        self.given: list[Tensor] = []
        self.overwrites: list[bool] = []

    def __call__(self, images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        self.given.append(images.clone())
        self.overwrites.append(overwrite)
        restored = images if overwrite else images.clone()
        restored[:] = self.soft
        for share in (0.5, 1.0):
            if on_progress is not None:
                on_progress(share)
        return restored


@pytest.fixture
def page() -> Example:
    return example(300, 120)


@pytest.fixture
def told_factors(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many times their size the pictures are, of all that is made to explain its picture; nothing is changed."""
    factors: list[float] = []

    def note(restored: Tensor, blurred: Tensor, *, enlarged: float, device: torch.device) -> Tensor:
        assert restored.shape == blurred.shape
        assert device == CPU
        factors.append(enlarged)
        return restored

    monkeypatch.setattr(consistent, "made_consistent", note)
    return factors


def clone(images: Tensor, *, overwrite: bool = False, on_progress: Any = None) -> Tensor:
    """In place of a model: changes nothing."""
    return images if overwrite else images.clone()


@pytest.mark.parametrize("overwrite", [False, True])
def test_restorations_explain_their_pictures(page: Example, overwrite: bool) -> None:
    images = page.blurred[None].clone()
    result = ConsistentModel(Sharpener(page), CPU)(images, overwrite=overwrite)
    assert decibels(result[0], page.sharp) > decibels(page.soft, page.sharp) + 1
    assert torch.equal(images, result if overwrite else page.blurred[None])


@pytest.mark.parametrize("overwrite", [False, True])
def test_each_pass_starts_from_what_the_one_before_has_made(page: Example, overwrite: bool) -> None:
    model = Sharpener(page)
    images = page.blurred[None].clone()
    once = ConsistentModel(Sharpener(page), CPU)(images.clone())
    result = ConsistentModel(model, CPU, passes=3)(images, overwrite=overwrite)
    first, second, third = model.given
    assert torch.equal(first, page.blurred[None])
    assert torch.equal(second, once)
    assert torch.equal(third, once)
    # It is the picture that came in which has to be explained, in all passes.
    assert torch.equal(result, once)
    # What came in is the caller's, and what is between the passes nobody's.
    assert model.overwrites == [overwrite, True, True]
    assert torch.equal(images, result if overwrite else page.blurred[None])


def test_progress_rises_over_all_passes(page: Example) -> None:
    for passes, wanted in ((1, [0.5, 1]), (2, [0.25, 0.5, 0.75, 1])):
        told: list[float] = []
        ConsistentModel(Sharpener(page), CPU, passes)(page.blurred[None], on_progress=told.append)
        assert told == wanted


def test_each_image_of_a_batch_is_compared_with_its_own_picture(page: Example) -> None:
    other = page.blurred.flip(-1)
    both = ConsistentModel(Sharpener(page), CPU)(torch.stack([page.blurred, other]))
    assert decibels(both[0], page.sharp) > decibels(page.soft, page.sharp) + 1
    assert torch.equal(both[1], page.soft)


def test_images_may_be_enlarged_alike_or_each_in_its_own_way(told_factors: list[float]) -> None:
    images = torch.zeros(3, 3, 8, 8)
    for enlarged in (2, 1.5, [1.0, 2.5, 0.5]):
        ConsistentModel(clone, CPU, enlarged=enlarged)(images)
    assert told_factors == [2, 2, 2, 1.5, 1.5, 1.5, 1.0, 2.5, 0.5]
    with pytest.raises(ValueError, match="shorter"):
        ConsistentModel(clone, CPU, enlarged=[1.0, 2.0])(images)


def test_only_a_model_that_must_explain_its_pictures_is_told_their_scale() -> None:
    assert at_scale(clone, 2) is clone
    model = ConsistentModel(clone, CPU, passes=2)
    told = at_scale(model, [2, 3])
    assert isinstance(told, ConsistentModel)
    assert (told.restore, told.device, told.passes, told.enlarged) == (clone, CPU, 2, [2, 3])
    assert model.enlarged == 1


@pytest.mark.parametrize(
    ("scale", "most", "in_bands"), [(1, 10**6, False), (0.5, 10**6, False), (2, 10**6, False), (2, 40_000, True)]
)
def test_a_picture_at_another_size_is_compared_at_its_own(
    scale: float, most: int, in_bands: bool, told_factors: list[float]
) -> None:
    image = torch.rand(1, 3, 1000, 20)
    restore_scaled(image, scale, ConsistentModel(clone, CPU), most)
    assert {*told_factors} == {scale}
    assert (len(told_factors) > 1) == in_bands


def test_each_face_is_compared_at_its_own_size(told_factors: list[float]) -> None:
    picture = torch.rand(1, 3, 200, 300) - 0.5
    faces = [
        PlacedFace(
            Face((x - side / 2, 100 - side / 2, side, side), np.zeros((6, 2)), 1), Placement((x, 100), side), 20, 160
        )
        for x, side in ((80, 80), (220, 100))
    ]
    restore_faces(picture.clone(), picture, faces, ConsistentModel(clone, CPU))
    assert told_factors == pytest.approx([2, 1.6])


@pytest.mark.parametrize("passes", [1, 2])
def test_a_page_that_is_restored_at_another_size_comes_closer(page: Example, passes: int) -> None:
    def soft(images: Tensor, *, overwrite: bool = False, on_progress: Any = None) -> Tensor:
        return F.interpolate(page.soft[None], images.shape[-2:], mode="bicubic", antialias=True).clamp(-1, 1)

    alone, changed = (
        restore_scaled(page.blurred[None].clone(), 2, model)
        for model in (soft, ConsistentModel(soft, CPU, passes=passes))
    )
    assert decibels(changed[0], page.sharp) > decibels(alone[0], page.sharp) + 1
