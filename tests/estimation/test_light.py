"""Whether a folder was blurred in light or in levels is told by where its edges are steepest."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.drawings import Domain, drawing, through_blur
from udsd.estimation import BlurEstimator, Round, learn_blur
from udsd.estimation.light import edge_places, in_linear_light, light_share
from udsd.estimation.random_blurs import random_blurs


def ramp(gamma: float) -> NDArray[np.float32]:
    """A vertical edge of 40 levels against 220, through straight motion of 12 px across it."""
    shares = np.clip((np.arange(64) - 26) / 12, 0, 1)
    light = (1 - shares) * (40 / 255) ** gamma + shares * (220 / 255) ** gamma
    return np.tile(255 * light ** (1 / gamma), (64, 1)).astype(np.float32)


def folder(domain: Domain, gammas: list[float]) -> list[NDArray[np.float32]]:
    """Drawings that are not in the domain, one through its blur with each gamma."""
    random = np.random.default_rng(7)
    blurs = [replace(domain.blur, gammas=np.array([gamma])) for gamma in gammas]
    return [through_blur(drawing(random), blur, random) for blur in blurs]


def test_edges_blurred_in_light_are_steepest_near_their_dark_side() -> None:
    levels, light = edge_places(ramp(1.0)), edge_places(ramp(2.2))
    assert levels.shape == (9,)
    # The mean by the cube of the steepness, between levels of surroundings of 15 px and of 31 px.
    by_cube = [4, 7]
    torch.testing.assert_close(levels[by_cube], torch.full((2,), 0.5), atol=0.01, rtol=0)
    assert (light[by_cube] < 0.42).all()


def test_what_is_flat_or_small_has_places_too() -> None:
    for image in (np.full((16, 16), 90, dtype=np.float32), np.zeros((16, 300), dtype=np.float32)):
        assert edge_places(image).isfinite().all()


@pytest.mark.parametrize(("gammas", "share"), [([1.0] * 24, 0.0), ([2.2] * 24, 1.0), ([1.0, 2.2] * 24, 0.5)])
def test_share_of_a_folder(domain: Domain, gammas: list[float], share: float) -> None:
    found = light_share(domain.sharp, folder(domain, gammas), domain.blur, 150, [0])
    assert found == pytest.approx(share, abs=0.2)


def test_a_learnt_blur_is_of_light_if_the_folder_is(
    domain: Domain, learnt: BlurEstimator, small_rounds: tuple[Round, ...]
) -> None:
    assert (learnt.blurs.gammas > 1).mean() < 0.2
    of_light = learn_blur(domain.sharp, folder(domain, [2.2] * 24), rounds=small_rounds)
    assert (of_light.blurs.gammas > 1).mean() > 0.8


def test_a_share_of_blurs_is_of_light() -> None:
    blurs = in_linear_light(random_blurs(1000, np.random.default_rng(0)), 0.3, np.random.default_rng(1))
    of_light = blurs.gammas > 1
    assert of_light.mean() == pytest.approx(0.3, abs=0.05)
    assert blurs.gammas[of_light].min() >= 1.7
    assert blurs.gammas.max() <= 2.5
