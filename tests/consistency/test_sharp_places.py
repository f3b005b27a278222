from __future__ import annotations

import pytest
import torch.nn.functional as F
from torch import Tensor

from tests.consistency.restorations import Example, example, motion
from tests.measures import decibels
from udsd.consistency import made_consistent
from udsd.consistency.correction import MARGIN, blurred_again
from udsd.consistency.kernels import fit_kernel
from udsd.consistency.sharp_places import sharp_places

FRAME = 24
"""Pixels of the frame at the left and the right, each a tenth of the page."""


def framed(image: Tensor) -> Tensor:
    """With a dark frame that nothing has blurred."""
    image = image.clone()
    image[..., :FRAME] = image[..., -FRAME:] = -0.5
    return image


def framed_page() -> Example:
    page = example(400, 160, motion(12))
    return Example(framed(page.sharp), framed(page.blurred), framed(restored(page)))


def restored(page: Example) -> Tensor:
    """What a model makes of it that leaves little to do."""
    return 0.7 * page.sharp + 0.3 * page.soft


def found(restoration: Tensor, picture: Tensor) -> Tensor | None:
    around = F.pad(restoration[None], [MARGIN] * 4, mode="replicate")[0]
    kernel = fit_kernel(restoration.mean(dim=0), picture.mean(dim=0))
    return sharp_places(restoration, picture, blurred_again(around, kernel))


def test_edges_that_were_not_blurred_are_found_and_nothing_else() -> None:
    page = framed_page()
    places = found(page.soft, page.blurred)
    assert places is not None
    assert places[:, [FRAME - 1, -FRAME]].mean() > 0.9
    assert places[:, 2 * FRAME : -2 * FRAME].mean() < 0.01


@pytest.mark.parametrize("noise", [0, 1, 8])
@pytest.mark.parametrize("length", [2, 12, 30])
def test_a_page_that_is_blurred_all_over_is_sharp_nowhere(length: float, noise: float) -> None:
    page = example(400, 160, motion(length), noise=noise)
    assert found(restored(page), page.blurred) is None


def test_a_picture_that_is_sharp_as_a_whole_has_a_kernel_that_says_so() -> None:
    sharp = example(400, 160).sharp
    assert found(sharp, sharp) is None


def test_what_the_restoration_has_lost_is_not_held_for_a_sharp_place() -> None:
    page = framed_page()
    lost = page.soft.clone()
    lost[..., : 2 * FRAME] = lost[..., -2 * FRAME :] = 1
    places = found(lost, page.blurred)
    assert places is None or not places[:, [FRAME - 1, -FRAME]].any()


def test_a_frame_becomes_no_ghosts() -> None:
    page = framed_page()
    before = decibels(page.soft, page.sharp)
    assert decibels(made_consistent(page.soft.clone(), page.blurred), page.sharp) > before + 1
