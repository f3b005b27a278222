from __future__ import annotations

import pytest
import torch

from udsd.consistency.curves import CURVES, GREY_LEVELS, LIGHT, NEGATIVE_LIGHT, Curve, from_light, to_light
from udsd.images.levels import to_pixels


def test_light_is_that_of_srgb() -> None:
    """Level 188 has half of the light; below level 11 light grows in proportion."""
    light = (to_light(to_pixels(torch.tensor([0, 5, 10, 128, 188, 255]))) + 1) / 2
    expected = torch.tensor([0, 5 / 255 / 12.92, 10 / 255 / 12.92, 0.2159, 0.5029, 1])
    torch.testing.assert_close(light, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("curve", CURVES)
def test_the_way_back_leads_to_the_same_levels(curve: Curve) -> None:
    levels = torch.linspace(-1, 1, 1001)
    blurred = curve.to_blurred(levels)
    torch.testing.assert_close(curve.back(blurred), levels, atol=1e-5, rtol=0)
    assert (blurred.diff() > 0).all()
    assert (float(blurred[0]), float(blurred[-1])) == pytest.approx((-1, 1), abs=1e-6)


def test_what_lies_beyond_the_range_is_black_or_white() -> None:
    beyond = torch.tensor([-3.0, -1.0001, 1.0001, 2.0])
    for way in (to_light, from_light):
        assert way(beyond).tolist() == pytest.approx([-1, -1, 1, 1])


@pytest.mark.parametrize("curve", CURVES)
def test_nothing_found_is_no_change_at_all(curve: Curve) -> None:
    levels = torch.linspace(-1, 1, 1001)
    assert not curve.change(levels, torch.zeros(1001)).any()


def test_a_change_of_light_is_that_of_levels_where_it_is_light() -> None:
    white, found = torch.tensor([0.9]), torch.tensor([0.05])
    levels = LIGHT.back(LIGHT.to_blurred(white) + found) - white
    assert float(LIGHT.change(white, found)) == pytest.approx(float(levels), rel=0.1)
    assert torch.equal(GREY_LEVELS.change(white, found), (white + found) - white)


def test_in_the_dark_a_change_of_light_is_held_back() -> None:
    """A hundredth of all light is 25 grey levels there, and 1.1 on white paper."""
    dark, found = torch.tensor([-0.99]), torch.tensor([0.02])
    levels = float(LIGHT.back(LIGHT.to_blurred(dark) + found) - dark)
    assert levels > 20 / 127.5
    assert 0 < float(LIGHT.change(dark, found)) < 0.1 * levels
    assert float(NEGATIVE_LIGHT.change(-dark, -found)) == pytest.approx(-float(LIGHT.change(dark, found)))
