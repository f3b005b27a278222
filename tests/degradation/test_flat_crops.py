from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from udsd.degradation import some_without_print, with_grain
from udsd.images.levels import to_pixels
from udsd.models.white import WhiteBalance

COUNT = 1700
PAPER = 230
GAIN = 255 / PAPER


def drawn(share: float = 1.0, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Crops of stripes on light grey paper; and what becomes of them and of their gains."""
    crops = torch.full((COUNT, 3, 20, 24), PAPER, dtype=torch.uint8)
    crops[..., ::4] = 10
    gains = torch.full((COUNT, 3, 1, 1), GAIN)
    changed, new_gains = some_without_print(crops, gains, share, np.random.default_rng(seed))
    assert new_gains is not None
    return crops, changed, new_gains


def kinds(crops: Tensor, changed: Tensor) -> dict[str, Tensor]:
    """Which crops became what, told by their pixels: (B,) of bool each."""
    flat = (changed == changed[..., :1, :1]).flatten(1).all(dim=1)
    dim = ~flat & (changed.flatten(1).amax(dim=1) < 64)
    same = (changed == crops).flatten(1).all(dim=1)
    return {"flat": flat, "dim": dim, "same": same, "border": ~flat & ~dim & ~same}


def test_the_asked_share_is_without_print() -> None:
    crops, changed, gains = drawn(0.3)
    same = kinds(crops, changed)["same"]
    assert same.double().mean() == pytest.approx(0.7, abs=0.04)
    assert (gains[same] == GAIN).all()
    assert changed.dtype == torch.uint8
    assert (crops.amax(), crops.amin()) == (PAPER, 10)  # those that were given are left alone
    assert torch.equal(drawn(0.0)[1], crops)


def test_all_kinds_come_in_their_shares() -> None:
    found = {kind: which.double().mean().item() for kind, which in kinds(*drawn()[:2]).items()}
    assert found == pytest.approx({"flat": 6 / 17, "border": 8 / 17, "dim": 3 / 17, "same": 0}, abs=0.04)


def test_flat_grounds_are_of_any_level_and_most_are_dark() -> None:
    crops, changed, _ = drawn()
    levels = changed[kinds(crops, changed)["flat"]][:, :, 0, 0].double()
    assert (levels.amin(), levels.amax()) == (0, 255)
    assert (levels.amax(dim=1) < 64).double().mean() == pytest.approx(0.6 + 0.4 * 0.2, abs=0.06)
    grey = (levels == levels[:, :1]).all(dim=1).double().mean()
    assert grey == pytest.approx(0.6, abs=0.06)


def test_gains_are_those_that_the_model_would_find() -> None:
    """1 where no ground is found; a lighter flat ground may lie in a page of lighter paper, but is at most white."""
    crops, changed, gains = drawn()
    found = kinds(crops, changed)
    in_use = WhiteBalance.of(to_pixels(changed)).gain
    has_ground = (in_use != 1).flatten(1).any(dim=1)
    no_ground = (found["flat"] | found["dim"]) & ~has_ground
    assert found["dim"][no_ground].any()
    assert not has_ground[found["dim"]].any()
    assert (gains[no_ground] == 1).all()
    lighter = found["flat"] & has_ground
    assert lighter.any()
    assert (gains[lighter] <= in_use[lighter].clamp_min(1) + 1e-3).all()
    assert (changed[lighter] * gains[lighter]).amax() == pytest.approx(255, abs=0.1)
    assert (gains[lighter].amin().item(), gains[lighter].amax().item()) == pytest.approx((1, GAIN), abs=0.01)
    assert (gains[found["border"]] == GAIN).all()


def test_borders_cover_one_side_with_one_dark_level() -> None:
    crops, changed, _ = drawn()
    covered_sides = set()
    for before, after in zip(crops, changed[kinds(crops, changed)["border"]], strict=False):
        other = (after != before).any(dim=0)
        level = after[:, other].unique()
        assert len(level) == 1
        assert level.item() < 90
        # Stripes of the same level do not count: rows and columns that differ somewhere are the covered ones.
        rows, columns = other.any(dim=1), other.any(dim=0)
        across = rows if not rows.all() else columns
        assert 0.1 < across.double().mean() < 0.9
        covered_sides.add((bool(rows.all()), bool(across[0] or across[1])))
    assert len(covered_sides) == 4


def test_dim_pictures_keep_their_print() -> None:
    crops, changed, _ = drawn()
    dim = changed[kinds(crops, changed)["dim"]]
    assert (dim[..., 1] > dim[..., 0]).all()
    paper = dim[:, 0, 0, 1].double() / PAPER
    assert 0.07 < paper.min() < 0.1
    assert 0.22 < paper.max() <= 0.24


def test_without_white_balance_there_are_no_gains() -> None:
    crops, changed, _ = drawn()
    same, gains = some_without_print(crops, None, 1.0, np.random.default_rng(0))
    assert gains is None
    assert torch.equal(same, changed)


def test_the_same_randomness_gives_the_same_crops() -> None:
    assert torch.equal(drawn(0.5, seed=3)[1], drawn(0.5, seed=3)[1])
    assert not torch.equal(drawn(0.5, seed=3)[1], drawn(0.5, seed=4)[1])


def test_only_images_of_one_colour_get_grain_and_always_the_same() -> None:
    images = torch.rand(4, 3, 24, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1
    images[1] = 0.25
    images[2] = torch.tensor([-1.0, 0.5, 1.0])[:, None, None]
    grained = with_grain(images)
    assert torch.equal(grained[[0, 3]], images[[0, 3]])
    grain = (grained - images)[1:3] * 127.5
    torch.testing.assert_close(grain[0], grain[1], rtol=0, atol=1e-4)
    assert 0.45 < grain[0].std().item() < 0.55
    assert torch.equal(with_grain(images[1:2]), grained[1:2])


def test_an_image_with_little_noise_of_its_own_keeps_it() -> None:
    noise = torch.randn(1, 3, 24, 20, generator=torch.Generator().manual_seed(0)) / 127.5
    assert torch.equal(with_grain(noise), noise)
