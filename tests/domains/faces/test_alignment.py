from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from udsd.domains.faces.alignment import BOX_CENTER, BOX_SIDE, EYES_AND_MOUTH, Placement, Window, cut, put_back
from udsd.domains.faces.face import Face


def smooth(height: int, width: int) -> torch.Tensor:
    """A picture of slow waves, (1, 3, H, W), which resampling hardly changes."""
    y = torch.arange(height)[:, None] / 17
    x = torch.arange(width)[None] / 23
    return torch.stack([torch.sin(x + y), torch.cos(x - y / 2), torch.sin(x) * torch.cos(y)])[None] * 0.8


def face_at(placement: Placement) -> Face:
    """The face that stands in a square exactly as the faces of training do."""
    eyes, mouth = placement.to_picture(EYES_AND_MOUTH[:2]), placement.to_picture(EYES_AND_MOUTH[2:])
    others = np.zeros((1, 2))
    landmarks = np.concatenate([eyes, others, mouth, others, others])
    x, y = placement.to_picture(BOX_CENTER[None])[0]
    side = BOX_SIDE * placement.side
    return Face((x - side / 2, y - side / 2, side, side), landmarks, 1.0)


@pytest.mark.parametrize("angle", [-170, -20, 0, 35])
@pytest.mark.parametrize("side", [30.0, 400.0])
def test_a_face_is_placed_by_its_eyes_and_mouth(angle: float, side: float) -> None:
    wanted = Placement((310.5, 77.0), side, angle)
    found = Placement.of_face(face_at(wanted))
    assert found.center == pytest.approx(wanted.center)
    assert (found.side, found.angle) == pytest.approx((side, angle))


def test_a_profile_is_not_taken_for_a_small_face() -> None:
    face = face_at(Placement((100, 100), 100))
    face.landmarks[:, 0] = 100 + (face.landmarks[:, 0] - 100) * 0.1
    face.landmarks[:, 1] = 100 + (face.landmarks[:, 1] - 100) * 0.5
    assert Placement.of_face(face).side == pytest.approx(80)


@pytest.mark.parametrize("angle", [0, 25])
def test_a_box_and_its_face_give_the_same_square(angle: float) -> None:
    wanted = Placement((50.0, 60.0), 80.0, angle)
    found = Placement.of_box(face_at(wanted).box, angle)
    assert found.center == pytest.approx(wanted.center)
    assert found.side == pytest.approx(80)


def test_a_square_of_whole_pixels_is_cut_out_as_it_is() -> None:
    image = torch.rand(1, 3, 40, 50) * 2 - 1
    crop = cut(image, Placement((30, 20), 16), 16)
    torch.testing.assert_close(crop, image[..., 12:28, 22:38], atol=1e-4, rtol=0)


def test_a_turned_square_is_cut_out_upright() -> None:
    image = smooth(60, 80)
    crop = cut(image, Placement((40, 30), 20, 90), 20)
    torch.testing.assert_close(crop, image[..., 20:40, 30:50].rot90(1, (2, 3)), atol=1e-4, rtol=0)


def test_a_large_square_is_cut_out_without_aliases() -> None:
    y, x = torch.meshgrid(torch.arange(200), torch.arange(200), indexing="ij")
    stripes = ((x + y) % 2 * 2 - 1).float().expand(1, 3, -1, -1)
    crop = cut(stripes, Placement((100, 100), 150, 10), 30)
    assert crop.abs().max() < 0.05


def test_beyond_the_border_a_picture_goes_on_as_its_mirror_image() -> None:
    image = smooth(40, 40)
    crop = cut(image, Placement((0, 20), 20), 20)
    torch.testing.assert_close(crop, crop.flip(-1), atol=1e-4, rtol=0)


def test_a_square_outside_of_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="outside of the picture"):
        cut(smooth(40, 40), Placement((200, 20), 20), 20)


@pytest.mark.parametrize(("side", "size"), [(60, 60), (60, 160), (150, 40)])
@pytest.mark.parametrize("angle", [0, 17, -80])
def test_a_crop_is_put_back_where_it_was(side: float, size: int, angle: float) -> None:
    image = smooth(200, 220)
    placement = Placement((111.3, 96.8), side, angle)
    window = Window.about(placement.grown(0.5), 200, 220)
    assert window is not None
    back = put_back(cut(image, placement, size), placement, window)
    torch.testing.assert_close(back, window.of(image), atol=0.03, rtol=0)


def test_a_window_lies_within_the_picture() -> None:
    assert Window.about(Placement((5, 5), 20), 100, 200) == Window(0, 0, 15, 15)
    assert Window.about(Placement((195, 50), 20), 100, 200, margin=3) == Window(182, 37, 200, 63)
    assert Window.about(Placement((230, 50), 20), 100, 200) is None


def test_bounds_hold_the_turned_square() -> None:
    left, top, right, bottom = Placement((0, 0), 10, 45).bounds()
    assert (right, bottom) == pytest.approx((10 / math.sqrt(2),) * 2)
    assert (left, top) == pytest.approx((-10 / math.sqrt(2),) * 2)
