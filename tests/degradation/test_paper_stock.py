from __future__ import annotations

import numpy as np
import torch

from udsd.degradation import on_other_balanced_paper, on_other_paper


def printed(share: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Crops of which the upper half is white and the lower half black, before and after."""
    crops = torch.zeros(64, 3, 32, 40, dtype=torch.uint8)
    crops[:, :, :16] = 255
    return crops, on_other_paper(crops, share, np.random.default_rng(seed))


def test_a_share_of_the_crops_is_printed_anew() -> None:
    crops, others = printed(0.5)
    changed = [not torch.equal(before, after) for before, after in zip(crops, others, strict=True)]
    assert 20 < sum(changed) < 44
    assert torch.equal(printed(0.0)[1], crops)
    assert all(not torch.equal(before, after) for before, after in zip(crops, printed(1.0)[1], strict=True))


def test_paper_stays_light_and_ink_dark() -> None:
    _, others = printed(1.0)
    assert others.dtype == torch.uint8
    paper, ink = (half.double().mean(dim=(2, 3)) / 255 for half in (others[:, :, :16], others[:, :, 16:]))
    assert (paper > ink + 0.1).all()
    assert paper.min() > (0.7 - 0.08) * 0.7
    assert ink.max() < 0.48
    assert paper.mean(dim=1).std() > 0.05
    assert (paper.amax(dim=1) - paper.amin(dim=1)).mean() > 0.03  # tinted


def test_light_falls_off_evenly_to_one_side() -> None:
    crops, others = printed(1.0)
    paper = others[:, :, :16].double().mean(dim=1)
    across = paper[:, 0, -1] - paper[:, 0, 0]
    assert across.min() < -10
    assert across.max() > 10
    columns = paper[:, 0].diff(dim=1)
    assert ((columns >= -1).all(dim=1) | (columns <= 1).all(dim=1)).all()
    assert not torch.equal(others, crops)


def test_the_same_randomness_gives_the_same_print() -> None:
    assert torch.equal(printed(0.5, seed=3)[1], printed(0.5, seed=3)[1])
    assert not torch.equal(printed(0.5, seed=3)[1], printed(0.5, seed=4)[1])


def test_the_gain_of_a_balanced_print_makes_its_paper_white() -> None:
    crops, others = printed(0.5)
    plain = torch.full((64, 3, 1, 1), 1.25)
    balanced, gains = on_other_balanced_paper((crops / 1.25).to(torch.uint8), plain, 0.5, np.random.default_rng(0))
    changed = (others != crops).flatten(1).any(dim=1)
    torch.testing.assert_close(balanced[changed].int(), others[changed].int(), atol=1, rtol=0)
    assert torch.equal(balanced[~changed], (crops[~changed] / 1.25).to(torch.uint8))
    assert torch.equal(gains[~changed], plain[~changed])
    white, gains = on_other_balanced_paper(torch.full_like(crops, 255), plain, 1.0, np.random.default_rng(0))
    brightest = white.amax(dim=(2, 3), keepdim=True) * gains
    torch.testing.assert_close(brightest, torch.full_like(brightest, 255), atol=1.5, rtol=0)


def test_what_is_brighter_than_the_paper_is_paper_in_print() -> None:
    crops = torch.full((1, 3, 8, 8), 250, dtype=torch.uint8)
    (bright,), _ = on_other_balanced_paper(crops, torch.full((1, 3, 1, 1), 1.3), 1.0, np.random.default_rng(0))
    (white,) = on_other_paper(torch.full_like(crops, 255), 1.0, np.random.default_rng(0))
    assert torch.equal(bright, white)


def test_a_print_is_ink_on_paper_in_falling_light() -> None:
    """Pixel by pixel, from the same random numbers: share, paper, its tint, ink, its tint, depth and direction."""
    crop = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (1, 3, 7, 9), dtype=np.uint8))
    (found,) = on_other_paper(crop, 1.0, np.random.default_rng(4)).numpy()
    random = np.random.default_rng(4)
    random.random()
    paper = np.clip(random.uniform(0.7, 1) + random.uniform(-0.08, 0.08, 3), 0, 1)
    ink = np.clip(random.uniform(0, 0.4) + random.uniform(-0.08, 0.08, 3), 0, 1)
    depth, direction = random.uniform(0, 0.3), random.uniform(0, 2 * np.pi)
    heights = np.linspace(-1, 1, 7)[:, None] * np.sin(direction) + np.linspace(-1, 1, 9) * np.cos(direction)
    light = 1 - depth * (heights - heights.min()) / np.ptp(heights)
    share_of_paper = crop[0].numpy() / 255
    printed = share_of_paper * paper[:, None, None] + (1 - share_of_paper) * ink[:, None, None]
    np.testing.assert_allclose(found, 255 * printed * light, atol=0.51)
