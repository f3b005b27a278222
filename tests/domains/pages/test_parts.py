from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.blurs import out_of_focus
from tests.domains.pages.pictures import page
from udsd.domains import AsExpected, DeblurOptions, Look, restore_images
from udsd.domains.pages.domain import PageDomain
from udsd.domains.pages.parts import blurred_beside_sharp
from udsd.domains.restoring import examine_images
from udsd.models.config import DomainConfig

DOMAIN = PageDomain(DomainConfig("page", (20.0, 30.0), blur=(6.0, 2.0)))


def half_blurred(share: float = 0.5, *, across: bool = False) -> tuple[Tensor, tuple[slice, slice]]:
    """A page of which the last rows or columns are blurred, and which."""
    image = torch.nn.functional.pad(out_of_focus(page()), [7] * 4, mode="replicate")
    side = image.shape[-1 if across else -2]
    where = slice(round((1 - share) * side), None)
    rows, columns = (slice(None), where) if across else (where, slice(None))
    mixed = page().clone()
    mixed[..., rows, columns] = image[..., rows, columns]
    return mixed, (rows, columns)


@pytest.mark.parametrize("share", [0.5, 0.75])
@pytest.mark.parametrize("across", [False, True])
def test_what_is_blurred_beside_sharp_print_is_restored_by_itself(share: float, across: bool) -> None:
    image, (rows, columns) = half_blurred(share, across=across)
    (findings,) = examine_images([Look(image)], DOMAIN, DeblurOptions())
    assert not isinstance(findings, AsExpected)
    assert not findings.is_sharp
    left, top, width, height = findings.regions[-1].box
    assert (left if across else top) == pytest.approx(columns.start if across else rows.start, abs=32)
    assert width * height > 0.5 * share * image[0, 0].numel()


def test_its_surroundings_stay_out_of_the_models_sight() -> None:
    seen: list[Tensor] = []

    def whitening(image: Tensor, **_: object) -> Tensor:
        seen.append(image.clone())
        return torch.ones_like(image) if len(seen) > 1 else image.clone()

    image, (rows, _) = half_blurred()
    (result,) = restore_images([image.clone()], whitening, DOMAIN, DeblurOptions())
    _, part = seen
    assert part.shape[-2] < 0.6 * image.shape[-2]
    assert torch.equal(result.pixels[..., : rows.start - 32, :], image[..., : rows.start - 32, :])
    assert result.pixels[..., rows.start + 24 :, 20:-20].min() > 0.99


@pytest.mark.parametrize("radius", [0, 1, 2, 4])
def test_a_page_that_is_as_sharp_everywhere_is_restored_as_one(radius: float) -> None:
    image = out_of_focus(page(), radius) if radius else page()
    assert not blurred_beside_sharp(Look(image).survey).any()


def test_a_few_blurred_words_are_none() -> None:
    image, _ = half_blurred(0.1)
    assert not blurred_beside_sharp(Look(image).survey).any()
