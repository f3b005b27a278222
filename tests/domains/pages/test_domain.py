from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from tests.typesetting import typeset_page
from udsd.domains import AsExpected, DeblurOptions, Look, consistent, restore_images
from udsd.domains.consistent import ConsistentModel
from udsd.domains.pages.domain import NO_PRINT, PageDomain, PageFindings
from udsd.models.config import DomainConfig

DOMAIN = PageDomain(DomainConfig("page", (20.0, 30.0), blur=(6.0, 2.0)))


class Recording:
    """In place of a model: gives images back, and notes them."""

    def __init__(self) -> None:
        self.images: list[Tensor] = []

    def __call__(self, images: Tensor, *, overwrite: bool = False, on_progress: Any = None) -> Tensor:
        self.images.append(images.clone())
        return images.clone()


def pixels(page: np.ndarray) -> Tensor:
    return torch.from_numpy(page).float().expand(1, 3, -1, -1) / 127.5 - 1


def regions(page: np.ndarray, **options: Any) -> Any:
    findings = DOMAIN.examine(Look(pixels(page)), DeblurOptions(**options))
    return () if isinstance(findings, AsExpected) else findings.regions


def test_a_page_within_the_range_goes_to_the_model_as_it_is() -> None:
    findings = DOMAIN.examine(Look(pixels(typeset_page(25, (700, 400)))), DeblurOptions())
    assert findings == AsExpected(is_sharp=True)


def test_small_print_and_large_blur_are_brought_to_the_model() -> None:
    (small,) = regions(typeset_page(11, (330, 200)))
    assert small.box == (0, 0, 330, 200)
    assert small.scale == pytest.approx(21 / 11, rel=0.25)
    assert small.size == pytest.approx(11, rel=0.25)
    assert not small.inverted
    assert regions(typeset_page(60, (1500, 900))) == ()
    page = Image.fromarray(typeset_page(60, (1500, 900)))
    (shaken,) = regions(np.array(page.filter(ImageFilter.BoxBlur(12))))
    assert 0.2 < shaken.scale < 0.8


def test_a_number_is_taken_instead_and_off_means_as_it_is() -> None:
    page = typeset_page(11, (330, 200))
    assert regions(page, scale=3)[0].scale == 3
    assert regions(255 - page, scale="off") == ()


def test_light_print_is_inverted_for_the_model_and_comes_back_light() -> None:
    page = pixels(255 - typeset_page(25, (700, 400)))
    model = Recording()
    (result,) = restore_images([page.clone()], model, DOMAIN, DeblurOptions())
    assert [region.inverted for region in result.regions] == [True]
    assert torch.equal(model.images[0], -page)
    assert torch.equal(result.pixels, page)


def test_a_dark_band_is_told_with_its_box() -> None:
    page = typeset_page(25, (700, 500))
    page[200:320] = 255 - page[200:320]
    whole, band = regions(page)
    assert not whole.inverted
    assert band.inverted
    assert band.box == pytest.approx((0, 200, 700, 120), abs=15)


def test_a_heading_gets_a_scale_of_its_own() -> None:
    page = typeset_page(13, (1100, 900), top=320)
    page[:300] = typeset_page(80, (1100, 300))
    whole, heading = regions(page)
    assert whole.scale == pytest.approx(1.7, rel=0.25)
    assert heading.size == pytest.approx(80, rel=0.25)
    assert heading.scale == 1
    left, top, width, height = heading.box
    assert top < 80
    assert 200 < top + height < 520
    assert left + width > 700
    model = Recording()
    (result,) = restore_images([pixels(page)], model, DOMAIN, DeblurOptions())
    assert len(model.images) == 2
    assert torch.allclose(result.pixels, pixels(page), atol=1e-5)


@pytest.mark.parametrize("passes", [1, 2])
def test_a_page_that_is_partly_light_on_dark_explains_itself_as_it_is(
    passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a part is inverted for the networks alone there is an edge that no kernel explains."""
    page = typeset_page(25, (900, 700))
    page[:350] = 255 - page[:350]
    explained: list[tuple[Tensor, Tensor]] = []

    def noting(restored: Tensor, blurred: Tensor, **_: Any) -> Tensor:
        explained.append((restored.clone(), blurred.clone()))
        return restored

    monkeypatch.setattr(consistent, "made_consistent", noting)
    networks = Recording()
    model = ConsistentModel(networks, torch.device("cpu"), passes)
    (result,) = restore_images([pixels(page)], model, DOMAIN, DeblurOptions())
    assert any(region.inverted for region in result.regions)
    assert len(networks.images) == len(explained) == passes
    for restored, picture in explained:
        assert torch.equal(picture, pixels(page)[0])
        assert torch.allclose(restored, picture, atol=1e-5)
    light = pixels(page)[..., :200, :]
    assert torch.equal(networks.images[0][..., :200, :], -light)


@pytest.mark.parametrize("size", [16, 28])
def test_a_slight_blur_is_not_called_sharp(size: int) -> None:
    """A restoration of it gains 10 dB and more."""
    page = typeset_page(size, (900, 600))
    assert Look(pixels(page)).survey.is_sharp
    blurred = np.array(Image.fromarray(page).filter(ImageFilter.BoxBlur(2)))
    assert not Look(pixels(blurred)).survey.is_sharp


def test_what_holds_no_print_is_told_and_restored_as_it_is() -> None:
    model = Recording()
    blank = torch.ones(1, 3, 200, 300)
    (result,) = restore_images([blank.clone()], model, DOMAIN, DeblurOptions())
    assert result.notes == (NO_PRINT,)
    assert result.regions == ()
    assert torch.equal(model.images[0], blank)


@pytest.mark.parametrize("letters", [11, 25, 60])
def test_the_pixels_that_are_expected_come(letters: int) -> None:
    findings = DOMAIN.examine(Look(pixels(typeset_page(letters, (800, 600)))), DeblurOptions())
    model = Recording()
    restore_images([pixels(typeset_page(letters, (800, 600)))], model, DOMAIN, DeblurOptions())
    came = sum(image.shape[2] * image.shape[3] for image in model.images)
    expected = 800 * 600 if isinstance(findings, AsExpected) else findings.pixel_count
    assert came == pytest.approx(expected, rel=0.02)


def test_the_scale_of_a_clip_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What frames ask for changes with their blur; the clip's scale is the median, until there is a cut."""
    asked = iter([0.5, 0.5, 0.7, 0.5, 0.9, 0.5, 0.5, 2.0])
    monkeypatch.setattr("udsd.domains.pages.domain.choose_scale", lambda survey, config: next(asked))
    picture = pixels(typeset_page(20, (300, 200)))
    domain = DOMAIN.for_clip([Look(picture)])
    scales = []
    for frame in (picture, picture, picture, picture, picture, picture, -picture):
        findings = domain.examine(Look(frame), DeblurOptions())
        assert isinstance(findings, PageFindings)
        assert findings.parts == []
        scales.append(findings.scale)
    assert scales == [0.5] * 6 + [2.0]
    free = domain.examine(Look(picture), DeblurOptions(scale=3))
    assert isinstance(free, PageFindings)
    assert free.scale == 3
