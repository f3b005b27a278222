from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.consistency.restorations import DISC, SIDE, Example, example, sharp_page
from tests.measures import decibels
from udsd.consistency.correction import MARGIN, blurred_again, correction
from udsd.consistency.kernels import SIZE, KernelEstimate, estimate_kernel
from udsd.images.levels import GREY_LEVEL

KNOWN = KernelEstimate(F.pad(DISC, [(SIZE - SIDE) // 2] * 4), torch.zeros(SIZE, SIZE))


def change(restored: Tensor, blurred: Tensor, estimate: KernelEstimate | None = None) -> Tensor:
    """The correction with a kernel, or with that which is found."""
    around = F.pad(restored[None], [MARGIN] * 4, mode="replicate")[0]
    estimate = estimate or estimate_kernel(restored.mean(dim=0), blurred.mean(dim=0))
    return correction(around, blurred, blurred_again(around, estimate.kernel), estimate)


def test_a_soft_restoration_comes_closer_to_the_sharp_page() -> None:
    page = example(400, 160)
    for estimate in (KNOWN, None):
        found = change(page.soft, page.blurred, estimate)
        assert found.shape == page.soft.shape
        assert decibels(page.soft + found, page.sharp) > decibels(page.soft, page.sharp) + 1


def test_what_explains_the_picture_already_is_hardly_changed() -> None:
    page = example(400, 160, noise=0)
    assert change(page.sharp, page.blurred, KNOWN)[:, 16:-16, 16:-16].abs().max() < 3 * GREY_LEVEL


def test_the_unit_does_not_matter() -> None:
    page = example(300, 120)
    estimate = estimate_kernel(page.soft.mean(dim=0), page.blurred.mean(dim=0))
    levels = change(127.5 * page.soft, 127.5 * page.blurred, estimate) / 127.5
    assert torch.allclose(levels, change(page.soft, page.blurred, estimate), atol=1e-4)


def test_noise_of_a_picture_that_is_sharp_is_not_put_back() -> None:
    page = sharp_page(400, 160)
    for strength in (1, 4, 12):
        noisy = (page + strength * GREY_LEVEL * torch.randn(page.shape)).clamp(-1, 1)
        assert not change(page, noisy).any()


def wrong(page: Example) -> dict[str, Tensor]:
    """Restorations that are not of the picture."""
    return {
        "another": sharp_page(400, 160, seed=9),
        "mirrored": page.sharp.flip(-1),
        "negative": -page.sharp,
        "noise": torch.rand(page.sharp.shape) * 2 - 1,
        "empty": torch.ones_like(page.sharp),
    }


@pytest.mark.parametrize("which", ["another", "mirrored", "negative", "noise", "empty"])
def test_a_restoration_that_does_not_explain_the_picture_stays(which: str) -> None:
    page = example(400, 160)
    assert not change(wrong(page)[which], page.blurred).any()


def test_a_doubtful_kernel_changes_nothing() -> None:
    page = example(400, 160)
    assert change(page.soft, page.blurred, KNOWN).any()
    assert not change(page.soft, page.blurred, KernelEstimate(KNOWN.kernel, 0.4 * KNOWN.kernel)).any()


def test_a_doubt_that_could_explain_all_of_the_difference_leaves_some_of_it() -> None:
    """What the kernel's deviation may do is no more, at any frequency, than what is found there."""
    page = example(400, 160)
    nearly_sharp = 0.9 * page.sharp + 0.1 * page.soft
    deviation = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    deviation *= 0.1 * KNOWN.kernel.norm() / deviation.norm()
    found = change(nearly_sharp, page.blurred, KernelEstimate(KNOWN.kernel, deviation))
    assert decibels(nearly_sharp + found, page.sharp) > decibels(nearly_sharp, page.sharp) + 0.1


def test_what_leads_back_to_the_picture_is_not_done() -> None:
    """A kernel that is half of one pixel explains the picture best by the picture itself."""
    page = example(400, 160, noise=0)
    still = torch.zeros(SIZE, SIZE)
    still[SIZE // 2, SIZE // 2] = 1
    for share in (0.3, 0.35, 0.4):
        kernel = share * still + (1 - share) * KNOWN.kernel
        assert not change(page.sharp, page.blurred, KernelEstimate(kernel, torch.zeros(SIZE, SIZE))).any()


def test_empty_paper_stays_empty() -> None:
    page = example(400, 320)
    for image in (page.soft, page.sharp):
        image[:, 160:] = 1
    page.blurred[:, 160:] = (1 + 3 * GREY_LEVEL * torch.randn(page.blurred[:, 160:].shape)).clamp(max=1)
    found = change(page.soft, page.blurred, KNOWN)
    inked, paper = found[:, 20:140].abs().mean(), found[:, 200:300].abs().mean()
    assert inked > 10 * GREY_LEVEL
    assert paper < GREY_LEVEL
