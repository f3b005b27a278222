from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from tests.consistency.restorations import example
from tests.measures import decibels
from udsd.domains import AsExpected, Consistency, DeblurOptions, Look, Region, Restoration, domain_of, restore_images
from udsd.domains.copies import MIRRORED, SHIFTED
from udsd.domains.domain import Restore
from udsd.domains.options import Quality
from udsd.domains.restoring import SHARP
from udsd.models.config import DomainConfig, ModelConfig

CPU = torch.device("cpu")
SHAPE = (1, 3, 12, 20)
REGION = Region((0, 0, 20, 12), scale=0.5)


class Model:
    """In place of a model: adds a quarter, and notes how many images came at once, and how large."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, images: Tensor, *, overwrite: bool = False, on_progress: Any = None) -> Tensor:
        self.batches.append(len(images))
        self.shapes.append(tuple(images.shape[-2:]))
        if on_progress is not None:
            on_progress(1)
        return images.add_(0.25) if overwrite else images + 0.25


class NegatingFindings:
    regions = (REGION,)
    notes = ("negated",)
    pixel_count = 240
    is_sharp = False

    def restore(self, image: Tensor, restore: Restore) -> Restoration:
        return Restoration(restore(image.neg_(), overwrite=True).neg_(), self.regions, self.notes)


class DarkDomain:
    """Negates dark images for the model."""

    copies = MIRRORED

    def examine(self, look: Look, options: DeblurOptions) -> NegatingFindings | AsExpected:
        level = float(look.image.mean())
        return NegatingFindings() if options.scale != "off" and level < 0 else AsExpected(is_sharp=level == 1)


def flat(level: float) -> Tensor:
    return torch.full(SHAPE, level)


def test_images_that_are_as_expected_go_through_the_model_together() -> None:
    model = Model()
    results = restore_images([flat(0.125), flat(-0.5), flat(0.25)], model, DarkDomain(), DeblurOptions())
    assert model.batches == [2, 1]
    assert [float(result.pixels.mean()) for result in results] == [0.375, -0.75, 0.5]
    assert [result.regions for result in results] == [(), (REGION,), ()]
    assert [result.notes for result in results] == [(), ("negated",), ()]


def test_of_an_unknown_kind_and_with_looking_switched_off_all_images_are_as_expected() -> None:
    for domain, options in ((domain_of(ModelConfig()), DeblurOptions()), (DarkDomain(), DeblurOptions(scale="off"))):
        (result,) = restore_images([flat(-0.5)], Model(), domain, options)
        assert torch.equal(result.pixels, flat(-0.25))
        assert not result.regions


@pytest.mark.parametrize(("asked", "factor"), [("auto", 3), ("off", 1), (2, 2)])
def test_of_an_unknown_kind_the_scale_of_the_config_is_taken_unless_another_is_asked_for(
    asked: Literal["auto", "off"] | float, factor: int
) -> None:
    model = Model()
    (result,) = restore_images([flat(-0.5)], model, domain_of(ModelConfig(input_scale=3)), DeblurOptions(scale=asked))
    height, width = flat(0).shape[-2:]
    assert model.shapes == [(factor * height, factor * width)]
    assert torch.allclose(result.pixels, flat(-0.25), atol=1e-6)


def test_of_an_unknown_kind_a_scale_that_is_asked_for_is_taken() -> None:
    model = Model()
    (result,) = restore_images([flat(-0.5)], model, domain_of(ModelConfig()), DeblurOptions(scale=2))
    height, width = flat(0).shape[-2:]
    assert model.shapes == [(2 * height, 2 * width)]
    assert result.regions == (Region((0, 0, width, height), scale=2),)
    assert torch.allclose(result.pixels, flat(-0.25), atol=1e-6)


def test_strength_blends_image_and_result() -> None:
    for level, change in ((0.25, 0.25), (-0.5, -0.25)):
        for strength in (0.0, 0.5, 1.0):
            image = flat(level)
            (result,) = restore_images([image], Model(), DarkDomain(), DeblurOptions(strength=strength))
            assert torch.equal(result.pixels, flat(level + strength * change))


def test_images_of_a_batch_stay_as_they_are() -> None:
    """Where one of them fails, the others are restored once more, each alone."""
    images = [flat(-0.5), flat(0.5), flat(0.25)]
    restore_images(images, Model(), DarkDomain(), DeblurOptions())
    assert [float(image.mean()) for image in images] == [-0.5, 0.5, 0.25]


class Corner:
    """In place of a model: what it adds depends on where a pixel lies on a grid of four."""

    def __call__(self, images: Tensor, *, overwrite: bool = False, on_progress: Any = None) -> Tensor:
        grid = torch.zeros(images.shape[-2:])
        grid[::4, ::4] = 0.5
        return images + grid


def test_the_best_quality_is_the_mean_over_places_on_the_stride() -> None:
    (plain,) = restore_images([torch.zeros(SHAPE)], Corner(), domain_of(ModelConfig()), DeblurOptions())
    (best,) = restore_images([torch.zeros(SHAPE)], Corner(), domain_of(ModelConfig()), DeblurOptions(quality="best"))
    assert set(plain.pixels.unique().tolist()) == {0.0, 0.5}
    assert set(best.pixels.unique().tolist()) == {0.0, 0.125}
    assert best.pixels.shape == SHAPE
    assert torch.isclose(best.pixels.mean(), plain.pixels.mean())


def test_each_domain_says_of_which_copies_the_best_quality_is_the_mean() -> None:
    class Left:
        """In place of a model: lightens the left half."""

        def __call__(self, images: Tensor, *, overwrite: bool = False, on_progress: Any = None) -> Tensor:
            calls.append(tuple(images.shape))
            images = images if overwrite else images.clone()
            images[..., : images.shape[-1] // 2] += 0.5
            if on_progress is not None:
                on_progress(1)
            return images

    calls: list[tuple[int, ...]] = []
    told: list[float] = []
    ramp = torch.linspace(0, 0.25, SHAPE[-1]).expand(SHAPE)
    (best,) = restore_images([ramp.clone()], Left(), DarkDomain(), DeblurOptions(quality="best"), told.append)
    assert torch.allclose(best.pixels, ramp + 0.25)
    assert calls == [SHAPE, SHAPE]
    assert told == [0.5, 1.0, 1]
    assert domain_of(ModelConfig(domain=DomainConfig("face", (150, 171)))).copies == MIRRORED
    assert domain_of(ModelConfig(domain=DomainConfig("page", (23, 35)))).copies == SHIFTED


def test_a_sharp_picture_is_told_and_can_be_left_as_it_is() -> None:
    for skip, level in ((False, 1.25), (True, 1.0)):
        model = Model()
        results = restore_images([flat(1.0), flat(0.5)], model, DarkDomain(), DeblurOptions(skip_sharp=skip))
        assert model.batches == [1 if skip else 2]
        assert [result.outcome for result in results] == ["sharp" if skip else "restored", "restored"]
        assert [result.notes for result in results] == [(SHARP,), ()]
        assert [float(result.pixels.mean()) for result in results] == [level, 0.75]


def test_progress_counts_what_the_model_restores() -> None:
    told: list[float] = []
    restore_images([flat(0.5), flat(-0.5)], Model(), DarkDomain(), DeblurOptions(), told.append)
    assert told == [0.5, 1.0, 1]


def restored(quality: Quality, consistency: Consistency | None, told: list[float] | None = None) -> tuple[float, int]:
    """By how many decibels a page is better than the model makes it, and how often it went through the model."""
    page = example(300, 120)
    calls: list[tuple[int, ...]] = []

    def soft(images: Tensor, *, overwrite: bool = False, on_progress: Any = None) -> Tensor:
        calls.append(tuple(images.shape))
        if on_progress is not None:
            on_progress(1)
        return page.soft[None].clone()

    (result,) = restore_images(
        [page.blurred[None].clone()],
        soft,
        DarkDomain(),
        DeblurOptions(scale="off", quality=quality),
        None if told is None else told.append,
        consistency=consistency,
    )
    return decibels(result.pixels[0], page.sharp) - decibels(page.soft, page.sharp), len(calls)


def test_restorations_explain_their_pictures_where_the_model_asks_for_it_and_time_allows() -> None:
    assert restored("normal", None) == restored("fast", None) == (0, 1)
    assert restored("fast", Consistency(CPU, passes=3)) == (0, 1)
    gain, calls = restored("normal", Consistency(CPU, passes=3))
    assert gain > 1
    assert calls == 1


def test_the_best_quality_has_further_passes_or_else_copies() -> None:
    told: list[float] = []
    gain, calls = restored("best", Consistency(CPU, passes=3), told)
    assert gain > 1
    assert calls == 3
    assert told == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert restored("best", Consistency(CPU))[1] == len(MIRRORED)
    assert restored("best", None)[1] == len(MIRRORED)


def test_strength_is_of_all_that_was_changed() -> None:
    page = example(300, 120)

    def soft(images: Tensor, *, overwrite: bool = False, on_progress: Any = None) -> Tensor:
        return page.soft[None].clone()

    whole, half = (
        restore_images(
            [page.blurred[None].clone()],
            soft,
            DarkDomain(),
            DeblurOptions(scale="off", strength=strength),
            consistency=Consistency(CPU),
        )[0].pixels
        for strength in (1, 0.5)
    )
    assert torch.allclose(half, (whole + page.blurred) / 2, atol=1e-6)
