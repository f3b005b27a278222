from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.random_models import random_model
from tests.typesetting import typeset_page
from udsd.deblurrer import Deblurrer
from udsd.domains import AsExpected, DeblurOptions, Look, Restoration, Restore, consistent, domain_of
from udsd.domains.copies import SHIFTED
from udsd.domains.options import Quality
from udsd.images import decode_image
from udsd.inference import run_model
from udsd.models import DeblurModel, ModelConfig, reparameterize
from udsd.models.config import DomainConfig
from udsd.restoring import restore_with_draws, restore_with_mean


class HalvesFindings:
    """The upper and the lower half of a picture go to the model one by one."""

    regions = ()
    notes = ()
    pixel_count = 1
    is_sharp = False

    def restore(self, image: Tensor, restore: Restore) -> Restoration:
        return Restoration(torch.cat([restore(half.contiguous()) for half in image.chunk(2, dim=2)], dim=2))


class Halves:
    copies = SHIFTED

    def __init__(self) -> None:
        self.looks = 0

    def examine(self, look: Look, options: DeblurOptions) -> HalvesFindings:
        self.looks += 1
        return HalvesFindings()


def test_draws_follow_the_equation_where_nothing_is_brought_to_the_model() -> None:
    backend = run_model(random_model(residual_output=True), device="cpu", dtype="float32")
    pixels = torch.rand(2, 3, 24, 32) * 2 - 1
    kept = pixels.clone()
    drawn = [
        *restore_with_draws(
            pixels, backend, domain_of(ModelConfig()), DeblurOptions(), 2, torch.Generator().manual_seed(3)
        )
    ]
    generator = torch.Generator().manual_seed(3)
    mean, log_variance = backend.encode_blur(pixels)
    for sample in drawn:
        wanted = backend.restore(pixels, reparameterize(mean, log_variance, generator))
        assert torch.allclose(sample.pixels, wanted, atol=1e-5)
    assert torch.equal(pixels, kept)


def test_a_picture_in_parts_has_one_draw_in_all_of_them_and_is_looked_at_once() -> None:
    backend = run_model(random_model(residual_output=True), device="cpu", dtype="float32")
    half = torch.rand(1, 3, 24, 32) * 2 - 1
    domain = Halves()
    pixels = torch.cat([half, half], dim=2)
    first, second = restore_with_draws(pixels, backend, domain, DeblurOptions(), 2, torch.Generator().manual_seed(3))
    upper, lower = first.pixels.chunk(2, dim=2)
    assert torch.equal(upper, lower)
    assert not torch.equal(first.pixels, second.pixels)
    assert domain.looks == 1


def test_what_was_seen_is_not_looked_for_again() -> None:
    class Noting:
        copies = SHIFTED

        def examine(self, look: Look, options: DeblurOptions) -> AsExpected:
            seen.append(look)
            return AsExpected()

    seen: list[Look] = []
    backend = run_model(random_model(residual_output=True), device="cpu", dtype="float32")
    image = decode_image(np.zeros((24, 32), np.uint8))
    look = Look(image.pixels)
    restore_with_mean([image], backend, Noting(), DeblurOptions(), looks=[look])
    assert seen == [look]


@pytest.mark.parametrize("drawn", [False, True])
def test_a_model_may_want_its_pictures_in_windows(drawn: bool) -> None:
    backend = run_model(random_model(residual_output=True), device="cpu", dtype="float32")
    image = decode_image(np.random.default_rng(0).integers(0, 256, (250, 300, 3), np.uint8))
    image.pixels[..., :100, :90] = image.pixels[..., :1, :1]

    def restored(window: int | None) -> Tensor:
        backend.model.config = replace(backend.config, window=window)
        backend.config = backend.model.config
        if drawn:
            generator = torch.Generator().manual_seed(3)
            options = backend, domain_of(ModelConfig()), DeblurOptions(), 1, generator
            return next(restore_with_draws(image.pixels, *options)).pixels
        (result,) = restore_with_mean(
            [replace(image, pixels=image.pixels.clone())], backend, domain_of(ModelConfig()), DeblurOptions()
        )
        return result.pixels

    whole, in_windows = restored(None), restored(192)
    assert whole.shape == in_windows.shape
    assert not torch.allclose(whole, in_windows, atol=1e-2)
    assert torch.equal(restored(300), whole)


def page_model() -> Deblurrer:
    domain = DomainConfig("page", (15.0, 30.0))
    return Deblurrer(DeblurModel(ModelConfig(base_width=4, residual_output=True, domain=domain)), device="cpu")


def test_samples_are_brought_to_the_model_as_deblur_does(monkeypatch: pytest.MonkeyPatch) -> None:
    deblurrer = page_model()
    shapes = []
    restore = deblurrer.backend.restore

    def noting(images: Tensor, *given: object, **options: object) -> Tensor:
        shapes.append(tuple(images.shape[-2:]))
        return restore(images, *given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(deblurrer.backend, "restore", noting)
    page = typeset_page(12, (500, 400))
    (region,) = deblurrer.examine(page)
    deblurrer.deblur(page)
    deblurrer.sample(page, 2)
    assert region.scale > 1
    assert len(shapes) == 3
    assert len({*shapes}) == 1
    assert shapes[0] != page.shape
    deblurrer.sample(page, 1, scale="off")
    assert shapes[-1] == page.shape


@pytest.mark.parametrize("scale", ["auto", 0.5])
def test_what_is_of_one_colour_all_over_comes_back_as_it_is(scale: float) -> None:
    deblurrer = Deblurrer(random_model(residual_output=True), device="cpu", dtype="float32")
    white = np.full((40, 60, 3), (255, 240, 231), np.uint8)
    assert np.array_equal(deblurrer.deblur(white, scale=scale), white)
    marked = white.copy()
    marked[20, 30] = 0
    assert not np.array_equal(deblurrer.deblur(marked, scale=scale), marked)


def test_of_a_batch_the_blank_images_come_back_and_the_others_are_restored() -> None:
    deblurrer = Deblurrer(random_model(residual_output=True), device="cpu", dtype="float32")
    images = torch.rand(3, 3, 24, 32)
    images[1] = 0.25
    (alone,) = deblurrer.deblur(images[2:])
    restored = deblurrer.deblur(images)
    assert torch.equal(restored[1], images[1])
    assert torch.allclose(restored[2], alone, atol=1e-5)
    assert not torch.allclose(restored[0], images[0], atol=1e-2)


def test_draws_leave_blank_pictures_as_they_are() -> None:
    backend = run_model(random_model(residual_output=True), device="cpu", dtype="float32")
    pixels = torch.rand(2, 3, 24, 32) * 2 - 1
    pixels[1] = 0.5
    (sample,) = restore_with_draws(
        pixels, backend, domain_of(ModelConfig()), DeblurOptions(), 1, torch.Generator().manual_seed(3)
    )
    assert torch.equal(sample.pixels[1], pixels[1])
    assert not torch.equal(sample.pixels[0], pixels[0])


@pytest.mark.parametrize(("passes", "calls"), [(1, {"fast": 0, "normal": 1, "best": 1}), (3, {"fast": 0, "best": 3})])
def test_what_a_model_restores_explains_its_picture_if_its_config_asks_for_it(
    passes: int, calls: dict[Quality, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures: list[Tensor] = []

    def note(restored: Tensor, blurred: Tensor, **options: object) -> Tensor:
        pictures.append(blurred)
        return restored

    monkeypatch.setattr(consistent, "made_consistent", note)
    model = random_model(residual_output=True)
    image = (torch.rand(24, 32, 3) * 255).byte().numpy()
    Deblurrer(model, device="cpu", dtype="float32").deblur(image)
    assert not pictures
    model.config = replace(model.config, consistent=True, passes=passes)
    deblurrer = Deblurrer(model, device="cpu", dtype="float32")
    for quality, count in calls.items():
        for restore in (deblurrer.deblur, partial(deblurrer.sample, n=1)):
            pictures.clear()
            restore(image, quality=quality)
            assert len(pictures) == count
            assert all(torch.equal(picture[None], decode_image(image).pixels) for picture in pictures)
