"""Blur is learnt from a folder of blurred images without their sharp partners."""

import numpy as np
import pytest
import torch

from tests.drawings import ANGLE, EXTENT, Domain, extents, weights_of
from udsd.degradation import BlurSet
from udsd.errors import ImageError
from udsd.estimation import BlurEstimator, Round, learn_blur, train_estimator, typical_extent


def test_finds_extent_and_direction(learnt: BlurEstimator) -> None:
    blurs = learnt.blurs
    assert len(blurs) == 1024
    assert blurs.moves.mean() > 0.9
    assert np.median(extents(blurs)[blurs.moves]) == pytest.approx(EXTENT, rel=0.3)
    assert np.median(blurs.angles[blurs.moves]) == pytest.approx(ANGLE, abs=10)


def test_is_the_same_for_the_same_seed_whatever_else_draws(domain: Domain) -> None:
    rounds = (Round(60, 3, 4, 1.0), Round(40, 2, 4, 0.5))
    torch.manual_seed(5)
    first = learn_blur(domain.sharp, domain.blurred, seed=1, rounds=rounds)
    torch.manual_seed(6)
    torch.rand(3)
    again = learn_blur(domain.sharp, domain.blurred, seed=1, rounds=rounds)
    other = learn_blur(domain.sharp, domain.blurred, seed=2, rounds=rounds)
    np.testing.assert_array_equal(weights_of(first), weights_of(again))
    np.testing.assert_array_equal(first.blurs.paths, again.blurs.paths)
    assert not np.array_equal(first.blurs.paths, other.blurs.paths)


def test_leaves_the_global_random_state_alone(domain: Domain) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    learn_blur(domain.sharp, domain.blurred, rounds=[Round(40, 1, 2, 0.5)])
    assert torch.equal(before, torch.get_rng_state())


def test_tells_of_every_round(domain: Domain) -> None:
    told: list[tuple[int, BlurSet]] = []
    rounds = [Round(40, 1, 2, 0.5)] * 2
    learn_blur(domain.sharp, domain.blurred, rounds=rounds, on_round=lambda number, found: told.append((number, found)))
    assert [number for number, _ in told] == [1, 2]
    assert all(found.weights.sum() == pytest.approx(1) for _, found in told)


@pytest.mark.parametrize("kind", ["sharp", "blurred"])
def test_too_few_images_are_told(domain: Domain, kind: str) -> None:
    images = {"sharp": domain.sharp, "blurred": domain.blurred, kind: domain.sharp[:2]}
    with pytest.raises(ImageError, match=f"2 {kind} images are too few"):
        learn_blur(images["sharp"], images["blurred"])


def test_sharp_images_have_no_blur(domain: Domain, small_rounds: tuple[Round, ...]) -> None:
    found = learn_blur(domain.sharp[:20], domain.sharp[20:], rounds=small_rounds)
    assert typical_extent(found.blurs) < 1.0


def test_an_estimator_for_every_blur_needs_no_blurred_images(domain: Domain) -> None:
    estimator = train_estimator(domain.sharp, images=300, epochs=20, blurs=500)
    (found,) = [estimator.estimate(domain.blurred[:1])]
    assert extents(found)[0] == pytest.approx(EXTENT, rel=0.5)
    with pytest.raises(ImageError, match="too few"):
        train_estimator(domain.sharp[:1])
    with pytest.raises(ImageError, match="too few"):
        train_estimator(domain.sharp, images=0)
