from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.consistency.restorations import DISC, SIDE, example, motion
from udsd.consistency.kernels import SIZE, KernelEstimate, Prior, estimate_kernel
from udsd.degradation.kernels import gaussian_kernels


def likeness(estimate: KernelEstimate, kernel: Tensor) -> float:
    """Correlation of an estimate with the true kernel."""
    true = F.pad(kernel, [(SIZE - SIDE) // 2] * 4)
    return float(torch.corrcoef(torch.stack([estimate.kernel.flatten(), true.flatten()]))[0, 1])


def doubt(estimate: KernelEstimate) -> float:
    """How large the deviation is, as a part of the kernel."""
    return float(estimate.deviation.norm() / estimate.kernel.norm())


@pytest.mark.parametrize("size", [(400, 160), (120, 300), (64, 70)])
@pytest.mark.parametrize(
    "kernel", [DISC, gaussian_kernels(torch.tensor([2.0]), SIDE)[0], motion(12), motion(9, seed=4)]
)
def test_the_kernel_is_found_by_a_page_and_its_blur(kernel: Tensor, size: tuple[int, int]) -> None:
    page = example(*size, kernel, letters=20)
    estimate = estimate_kernel(page.sharp.mean(dim=0), page.blurred.mean(dim=0))
    assert estimate.kernel.shape == estimate.deviation.shape == (SIZE, SIZE)
    assert likeness(estimate, kernel) > 0.95
    assert float(estimate.kernel.sum()) == pytest.approx(1, abs=1e-4)
    assert estimate.kernel.min() >= 0


def test_the_kernel_of_a_picture_that_is_sharp_is_a_point() -> None:
    page = example(300, 100).sharp.mean(dim=0)
    estimate = estimate_kernel(page, page)
    assert estimate.kernel[SIZE // 2, SIZE // 2] > 0.99


def test_a_shift_between_the_two_is_found_in_its_direction() -> None:
    page = example(300, 100).sharp.mean(dim=0)
    estimate = estimate_kernel(page, page.roll((3, -5), (0, 1)))
    assert int(estimate.kernel.argmax()) == (SIZE // 2 + 3) * SIZE + SIZE // 2 - 5


@pytest.mark.parametrize(("restored", "blurred"), [(0.0, 0.0), (1.0, -1.0), (0.25, None), (None, 0.25)])
def test_what_is_empty_gives_finite_values(restored: float | None, blurred: float | None) -> None:
    given = [torch.randn(60, 80) if level is None else torch.full((60, 80), level) for level in (restored, blurred)]
    estimate = estimate_kernel(*given)
    assert estimate.kernel.isfinite().all()
    assert estimate.deviation.isfinite().all()


@pytest.mark.parametrize("turned", [False, True])
def test_the_deviation_tells_whether_one_kernel_is_right_everywhere(turned: bool) -> None:
    disc, shaken = example(400, 160), example(400, 160, motion(14))
    mixed = disc.blurred.clone()
    mixed[..., 200:] = shaken.blurred[..., 200:]
    same, other = (
        estimate_kernel(*(image.mean(dim=0).T if turned else image.mean(dim=0) for image in (disc.soft, blurred)))
        for blurred in (disc.blurred, mixed)
    )
    assert doubt(same) < 0.1
    assert doubt(other) > 0.4


def test_an_empty_half_is_no_witness() -> None:
    page = example(400, 160)
    for image in (page.soft, page.blurred):
        image[..., 180:] = 0.8
    assert doubt(estimate_kernel(page.soft.mean(dim=0), page.blurred.mean(dim=0))) < 0.1


@pytest.mark.parametrize("length", [12, 20])
def test_a_page_that_ends_in_the_picture_is_divided_where_both_parts_show_as_much(length: float) -> None:
    """A third of its print lies in the one half, beside the edge of the desk, and is a poor witness."""
    page = example(400, 160, motion(length))
    for image in (page.soft, page.blurred):
        image[..., 220:] = -0.6
    assert doubt(estimate_kernel(page.soft.mean(dim=0), page.blurred.mean(dim=0))) < 0.05


def test_a_prior_helps_where_there_is_little_to_go_by() -> None:
    kernel = motion(12)
    page = example(90, 80, kernel, letters=20, noise=4)
    grey = page.soft.mean(dim=0), page.blurred.mean(dim=0)
    prior = F.pad(kernel, [(SIZE - SIDE) // 2] * 4)
    alone, with_prior = estimate_kernel(*grey), estimate_kernel(*grey, Prior(prior, 0.3))
    assert 1 - likeness(with_prior, kernel) < (1 - likeness(alone, kernel)) / 2
    assert doubt(with_prior) < doubt(alone)
    assert float(with_prior.kernel.sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("weight", "least"), [(0.01, 0.95), (0.0, 0.9)])
def test_a_wrong_prior_of_little_weight_does_not_count(weight: float, least: float) -> None:
    page = example(400, 160, motion(12))
    prior = F.pad(DISC, [(SIZE - SIDE) // 2] * 4)
    estimate = estimate_kernel(page.sharp.mean(dim=0), page.blurred.mean(dim=0), Prior(prior, weight))
    assert likeness(estimate, motion(12)) > least
