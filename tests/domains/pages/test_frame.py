from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from tests.blurs import out_of_focus
from tests.domains.pages.pictures import page
from udsd.domains import DeblurOptions, domain_of
from udsd.domains.pages.frame import Frame
from udsd.domains.restoring import restore_images
from udsd.images.levels import GREY_LEVEL
from udsd.models.config import DomainConfig, ModelConfig

SIDES = 40, 30, 25, 20
"""Of the frame in pixels: left, right, top, bottom."""

GREY = -0.3


def framed(image: Tensor, level: float = GREY) -> Tensor:
    return F.pad(image, SIDES, value=level)


def turned(image: Tensor) -> Tensor:
    """By seven degrees, with black in the corners."""
    picture = Image.fromarray(((image[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy())
    picture = picture.rotate(7, Image.Resampling.BICUBIC, expand=True)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1


@pytest.mark.parametrize("level", [-1, GREY, 0.5])
@pytest.mark.parametrize("noise", [0, 3])
def test_a_frame_that_was_not_blurred_is_found(level: float, noise: float) -> None:
    inner = out_of_focus(page())
    height, width = inner.shape[-2:]
    image = framed(inner, level)
    image = (image + noise * GREY_LEVEL * torch.randn(image.shape)).clamp(-1, 1)
    frame = Frame.find(image)
    assert frame is not None
    left, _, top, _ = SIDES
    assert frame.box == pytest.approx((left, top, width, height), abs=4)
    whole = framed(torch.zeros(1, 1, height, width), 1)[0, 0] > 0
    assert (frame.mask & whole).sum() == whole.sum()
    assert frame.paper.flatten().tolist() == pytest.approx([1, 1, 1], abs=0.05)


def test_the_corners_of_a_scan_that_was_turned_are_a_frame() -> None:
    image = turned(out_of_focus(page()))
    frame = Frame.find(image)
    assert frame is not None
    assert frame.mask[:20, -20:].all()
    assert frame.removed(image)[..., :20, -20:].min() > 0.9
    middle = tuple(slice(side // 4, -side // 4) for side in image.shape[-2:])
    assert torch.equal(frame.removed(image)[..., *middle], image[..., *middle])


@pytest.mark.parametrize("width", [30, 120, 386])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_bar_at_one_side_is_told_from_the_paper_at_the_others(width: int, sign: int) -> None:
    inner = out_of_focus(page())
    image = sign * F.pad(inner, (width, 0, 0, 0), value=-1)
    frame = Frame.find(image)
    assert frame is not None
    assert frame.mask[:, :width].all()
    assert not frame.mask[:, width + 3 :].any()


def test_two_flat_halves_are_no_page() -> None:
    frame = Frame.find(F.pad(torch.ones(1, 3, 200, 150), (150, 0, 0, 0), value=-1))
    assert frame is None or frame.mask.float().mean() < 0.6


@pytest.mark.parametrize("radius", [1, 2, 6])
def test_what_was_blurred_with_the_page_is_no_frame(radius: float) -> None:
    assert Frame.find(out_of_focus(framed(page()), radius)) is None


@pytest.mark.parametrize("letters", [15, 30, 80])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_page_is_no_frame_about_its_letters(letters: int, sign: int) -> None:
    assert Frame.find(sign * page(letters)) is None
    assert Frame.find(sign * out_of_focus(page(letters))) is None


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (30, 30), (41, 500)])
def test_no_frame_is_found_in_what_shows_none(shape: tuple[int, int]) -> None:
    assert Frame.find(torch.zeros(1, 3, *shape)) is None
    assert Frame.find(torch.rand(1, 3, *shape) * 2 - 1) is None


@pytest.mark.parametrize("scale", ["auto", 2.0])
def test_the_model_sees_paper_in_place_of_the_frame_which_comes_back_as_it_was(scale: float | str) -> None:
    seen: list[Tensor] = []

    def darkening(image: Tensor, **_: object) -> Tensor:
        seen.append(image.clone())
        return image - 0.2

    image = framed(out_of_focus(page()))
    domain = domain_of(ModelConfig(domain=DomainConfig("page", (23.0, 35.0))))
    (result,) = restore_images([image.clone()], darkening, domain, DeblurOptions(scale=scale))
    assert seen[0][..., :20, :20].min() > 0.95
    frame = Frame.find(image)
    assert frame is not None
    assert torch.equal(result.pixels[..., frame.mask], image[..., frame.mask])
    inside = (image - result.pixels)[..., ~frame.mask]
    assert inside.mean() == pytest.approx(0.2, abs=0.02)
    assert result.regions[0].box == frame.box
