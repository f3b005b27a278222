from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from udsd.domains.faces.alignment import Placement, Window
from udsd.domains.faces.paste import FacePaster, mask

SIZE = 64


def pasted(placements: list[Placement], changes: list[float], picture: Tensor, source: Tensor) -> Tensor:
    result = picture.clone()
    paster = FacePaster(result, source, placements)
    for number, change in enumerate(changes):
        before = torch.zeros(1, 3, SIZE, SIZE)
        paster.paste(number, before, before + change)
    return result


@pytest.fixture
def source() -> Tensor:
    return torch.rand(1, 3, 120, 150) - 0.5


def test_the_change_is_added_to_the_picture_as_it_came(source: Tensor) -> None:
    placement = Placement((70, 60), 50, 20)
    result = pasted([placement], [0.25], torch.full_like(source, 0.9), source)
    torch.testing.assert_close(result[..., 60, 70], source[..., 60, 70] + 0.25)


def test_outside_of_the_mask_no_pixel_changes(source: Tensor) -> None:
    placement = Placement((140, 10), 60, 30)
    window = Window(0, 0, 150, 120)
    outside = mask(placement, window) == 0
    result = pasted([placement], [0.25], source, source)
    assert torch.equal(result[..., outside], source[..., outside])
    assert not torch.equal(result, source)


def test_the_mask_falls_off_softly() -> None:
    weight = mask(Placement((100, 100), 100, 15), Window(0, 0, 200, 200))
    assert weight[100, 100] == 1
    assert weight.max() <= 1
    assert weight[0].max() == weight[:, 0].max() == 0
    # A step of a hundredth of a change that is large, 0.5, is one grey level and a half.
    assert weight.diff(dim=0).abs().max() < 0.2
    assert weight.diff(dim=1).abs().max() < 0.2


def test_result_stays_in_range() -> None:
    light = torch.full((1, 3, 80, 80), 0.95)
    assert pasted([Placement((40, 40), 40)], [0.5], light, light).max() == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_faces_that_overlap_share_the_pixels_in_any_order(source: Tensor, order: tuple[int, ...]) -> None:
    placements = [Placement((50, 60), 60), Placement((85, 60), 60, 10), Placement((60, 90), 30)]
    changes = [0.1, 0.2, 0.3]
    wanted = pasted(placements, changes, source, source)
    result = pasted([placements[one] for one in order], [changes[one] for one in order], source, source)
    torch.testing.assert_close(result, wanted, atol=1e-5, rtol=0)


def test_a_face_of_its_own_is_seen_whole_beside_another(source: Tensor) -> None:
    placements = [Placement((50, 60), 60), Placement((95, 60), 60)]
    result = pasted(placements, [0.1, 0.2], source, source)
    torch.testing.assert_close(result[..., 60, 50] - source[..., 60, 50], torch.full((1, 3), 0.1))
    torch.testing.assert_close(result[..., 60, 95] - source[..., 60, 95], torch.full((1, 3), 0.2))


def test_two_faces_at_one_place_are_averaged(source: Tensor) -> None:
    placement = Placement((70, 60), 50)
    result = pasted([placement, placement], [0.1, 0.3], source, source)
    torch.testing.assert_close(result[..., 60, 70] - source[..., 60, 70], torch.full((1, 3), 0.2))


def test_a_face_outside_of_the_picture_changes_nothing(source: Tensor) -> None:
    assert torch.equal(pasted([Placement((500, 60), 50)], [0.25], source, source), source)
