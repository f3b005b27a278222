from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.consistency.restorations import DISC, SIDE, Example, example, motion, sharp_page
from tests.measures import decibels
from udsd.consistency import made_consistent, windows
from udsd.consistency.curves import CURVES, GREY_LEVELS, LIGHT, NEGATIVE_LIGHT, Curve
from udsd.degradation.kernels import apply_kernels, defocus_discs
from udsd.images.levels import GREY_LEVEL

CPU = torch.device("cpu")


def nearly_sharp(page: Example) -> Tensor:
    return 0.7 * page.sharp + 0.3 * page.soft


def enlarged(image: Tensor, factor: float) -> Tensor:
    height, width = (round(factor * side) for side in image.shape[-2:])
    return F.interpolate(image[None], (height, width), mode="bicubic", antialias=True)[0].clamp(-1, 1)


@pytest.mark.parametrize(("width", "height"), [(400, 160), (160, 401), (301, 119)])
def test_a_soft_restoration_comes_closer_to_the_sharp_page(width: int, height: int) -> None:
    page = example(width, height)
    before = decibels(page.soft, page.sharp)
    assert decibels(made_consistent(page.soft, page.blurred), page.sharp) > before + 1


@pytest.mark.parametrize("colour", [(1, 1, 1), (0.9, 0.85, 0.8)])
@pytest.mark.parametrize("curve", CURVES)
def test_what_was_blurred_is_found(curve: Curve, colour: tuple[float, float, float]) -> None:
    page = example(400, 160, motion(12), colour=colour, curve=curve)
    witness = F.pad(nearly_sharp(page)[None], [windows.MARGIN] * 4, mode="replicate")[0], page.blurred
    assert windows._curve_of([witness]) is curve
    assert windows._curve_of([witness, witness]) is curve


def test_without_a_witness_grey_levels_were_blurred() -> None:
    assert windows._curve_of([]) is GREY_LEVELS


@pytest.mark.parametrize(("curve", "gain"), [(LIGHT, 0.3), (NEGATIVE_LIGHT, 2)])
def test_a_picture_of_a_camera_is_explained_by_its_light(
    curve: Curve, gain: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = example(400, 160, motion(12), curve=curve)
    restored = nearly_sharp(page)
    by_its_light = made_consistent(restored.clone(), page.blurred)
    monkeypatch.setattr(windows, "CURVES", (GREY_LEVELS,))
    by_its_levels = made_consistent(restored.clone(), page.blurred)
    best_without = max(decibels(restored, page.sharp), decibels(by_its_levels, page.sharp))
    assert decibels(by_its_light, page.sharp) > best_without + gain


def test_the_restoration_is_changed_in_place_and_the_picture_is_not() -> None:
    page = example(300, 120)
    kept = page.blurred.clone()
    again = page.soft.clone()
    result = made_consistent(page.soft, page.blurred)
    assert result is page.soft
    assert not torch.equal(result, again)
    assert torch.equal(page.blurred, kept)
    assert torch.equal(made_consistent(again, page.blurred), result)


def test_a_part_of_a_batch_is_changed_and_no_other() -> None:
    page = example(300, 120)
    batch = torch.stack([page.soft, page.soft, page.soft]).transpose(2, 3)
    made_consistent(batch[1].transpose(1, 2), page.blurred)
    assert torch.equal(batch[0], batch[2])
    assert torch.allclose(batch[1].transpose(1, 2), made_consistent(page.soft.clone(), page.blurred), atol=1e-5)
    assert not torch.equal(batch[0], batch[1])


def test_a_colour_that_was_lost_comes_back() -> None:
    page = example(400, 160, colour=(1, 0.8, 0.6))
    grey = page.sharp.mean(dim=0).repeat(3, 1, 1)
    before = (grey - page.sharp).mean(dim=(1, 2))
    after = (made_consistent(grey, page.blurred) - page.sharp).mean(dim=(1, 2))
    assert before.abs().max() > 0.3
    assert after.abs().max() < 0.08


def test_a_sharp_picture_stays_as_it_was_restored() -> None:
    page = sharp_page(400, 160)
    noisy = (page + 5 * GREY_LEVEL * torch.randn(page.shape)).clamp(-1, 1)
    assert torch.equal(made_consistent(page.clone(), noisy), page)


def test_a_wrong_restoration_stays_as_it_is() -> None:
    other = sharp_page(400, 160, seed=9)
    assert torch.equal(made_consistent(other.clone(), example(400, 160).blurred), other)


@pytest.mark.parametrize("turned", [False, True])
def test_several_windows_make_about_the_same_of_a_picture_as_one(turned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    page = example(800, 200)
    sharp, blurred, soft = (
        image.transpose(1, 2).contiguous() if turned else image for image in (page.sharp, page.blurred, page.soft)
    )
    whole = made_consistent(soft.clone(), blurred)
    monkeypatch.setattr(windows, "_SIDE", 350 if turned else 200)
    monkeypatch.setattr(windows, "_AREA", 350 * 200)
    assert len(windows._places(*blurred.shape[-2:], windows._SIDE, windows._AREA)) == 3
    parts = made_consistent(soft.clone(), blurred)
    assert decibels(parts, sharp) > decibels(whole, sharp) - 0.5
    # No place stands out, such as the border of a window.
    steps = (parts - whole).diff(dim=-2 if turned else -1).abs().mean(dim=(0, 2 if turned else 1))
    assert steps.max() < 0.3 * whole.diff(dim=-2 if turned else -1).abs().mean()


def test_each_window_has_a_kernel_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = example(800, 160), example(800, 160, motion(14))
    left.blurred[..., 400:] = right.blurred[..., 400:]
    assert torch.allclose(made_consistent(left.soft.clone(), left.blurred), left.soft, atol=1e-6)
    monkeypatch.setattr(windows, "_AREA", 300 * 160)
    changed = made_consistent(left.soft.clone(), left.blurred)
    before, after = (decibels(image[..., :250], left.sharp[..., :250]) for image in (left.soft, changed))
    assert after > before + 1


def losing_focus(page: Tensor) -> Tensor:
    """A page (3, H, W), out of focus by 1 px at the left and by 4 px at the right."""
    radii = torch.linspace(1, 4, 7)
    place = torch.linspace(0, len(radii) - 1, page.shape[-1])
    blurred = torch.zeros_like(page)
    for number, disc in enumerate(defocus_discs(radii, SIDE)):
        weight = (1 - (place - number).abs()).clamp_min(0)
        blurred += weight * apply_kernels(F.pad(page[None], [SIDE // 2] * 4, mode="replicate"), disc[None])[0]
    return blurred


def test_blur_that_differs_gradually_has_a_kernel_for_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    page = example(780, 500)
    sharp, blurred, restored = page.sharp, losing_focus(page.sharp), nearly_sharp(page)
    before = decibels(restored, sharp)
    in_parts = decibels(made_consistent(restored.clone(), blurred), sharp)
    monkeypatch.setattr(windows, "_PART_SIDE", windows._SIDE)
    monkeypatch.setattr(windows, "_PART_AREA", windows._AREA)
    in_one_piece = decibels(made_consistent(restored.clone(), blurred), sharp)
    assert in_parts > max(before, in_one_piece) + 0.1


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("softness", [0.02, 0.1, 0.3, 0.6])
def test_what_differs_within_a_part_is_not_filtered_into_waves(softness: float, turned: bool) -> None:
    """Halves that show as much would lie along the focus, and have the same kernel."""
    page = example(780, 500)
    sharp, blurred = page.sharp, losing_focus(page.sharp)
    restored = torch.lerp(sharp, page.soft, softness)
    if turned:
        sharp, blurred, restored = (image.transpose(1, 2).contiguous() for image in (sharp, blurred, restored))
    result = made_consistent(restored.clone(), blurred)
    assert decibels(result, sharp) > min(decibels(restored, sharp) - 1, 40)


@pytest.mark.parametrize("kernel", [DISC, motion(12)])
def test_parts_of_a_page_that_is_blurred_alike_all_over_lose_nothing(
    kernel: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = example(780, 500, kernel, noise=2)
    in_parts = made_consistent(page.soft.clone(), page.blurred)
    monkeypatch.setattr(windows, "_PART_SIDE", windows._SIDE)
    monkeypatch.setattr(windows, "_PART_AREA", windows._AREA)
    in_one_piece = made_consistent(page.soft.clone(), page.blurred)
    assert decibels(in_parts, page.sharp) > decibels(in_one_piece, page.sharp) - 0.15


@pytest.mark.parametrize("factor", [1.5, 2, 2.7])
def test_an_enlarged_picture_is_brought_to_its_own_size(factor: float) -> None:
    page = example(301, 120)
    sharp, blurred, soft = (enlarged(image, factor) for image in (page.sharp, page.blurred, page.soft))
    kept = blurred.clone()
    result = made_consistent(soft.clone(), blurred, enlarged=factor)
    assert decibels(result, sharp) > decibels(soft, sharp) + 1
    assert torch.equal(blurred, kept)


@pytest.mark.parametrize("factor", [1.2, 2, 3.1])
def test_nothing_is_changed_by_bringing_it_to_another_size_and_back(factor: float) -> None:
    """Print of full contrast overshoots where it is made smaller."""
    page = sharp_page(400, 200)
    assert torch.allclose(made_consistent(page.clone(), page, enlarged=factor), page, atol=1e-5)


def test_a_factor_below_1_is_as_none() -> None:
    page = example(300, 120)
    assert torch.equal(
        made_consistent(page.soft.clone(), page.blurred, enlarged=0.5), made_consistent(page.soft, page.blurred)
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (47, 300), (300, 47)])
def test_what_is_too_small_stays_as_it_is(shape: tuple[int, int]) -> None:
    restored, blurred = (torch.rand(3, *shape) * 2 - 1 for _ in range(2))
    for factor in (1, 1.8):
        assert torch.allclose(made_consistent(restored.clone(), blurred, enlarged=factor), restored, atol=1e-6)


def test_enlarging_does_not_make_a_picture_large_enough() -> None:
    page = example(90, 60)
    soft = page.soft.clone()
    assert torch.allclose(made_consistent(page.soft, page.blurred, enlarged=1.3), soft, atol=1e-6)


@pytest.mark.parametrize("shape", [(48, 48), (49, 51), (70, 53), (48, 2001), (601, 48), (513, 400)])
@pytest.mark.parametrize("kind", ["print", "beyond", "flat restoration", "flat picture", "noise"])
def test_odd_sides_and_odd_values_give_finite_ones_within_the_range(kind: str, shape: tuple[int, int]) -> None:
    height, width = shape
    page = example(width, height, letters=12)
    flat, noise = torch.full((3, *shape), 0.25), 3 * torch.randn(3, *shape)
    restored, blurred = {
        "print": (page.soft, page.blurred),
        "beyond": (3 * page.soft, 3 * page.blurred),
        "flat restoration": (flat, page.blurred),
        "flat picture": (page.soft, flat),
        "noise": (noise, page.blurred),
    }[kind]
    before = restored.clone()
    result = made_consistent(restored, blurred)
    assert result.isfinite().all()
    assert result.abs().max() <= 1
    if kind.startswith("flat"):
        assert torch.equal(result, before)


def test_pictures_of_one_colour_stay_as_they_are() -> None:
    page = example(200, 100)
    blank = 0.5 + GREY_LEVEL * torch.randn_like(page.soft)
    assert torch.equal(made_consistent(page.soft.clone(), blank), page.soft)
