from __future__ import annotations

import numpy as np

from udsd.evaluation.baselines import unsharp_mask


def test_a_flat_image_stays_as_it_is() -> None:
    image = np.full((12, 12, 3), 77, np.uint8)
    np.testing.assert_array_equal(unsharp_mask(image), image)


def test_amount_zero_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    np.testing.assert_array_equal(unsharp_mask(image, amount=0), image)


def test_an_edge_is_overshot_on_both_sides_and_limited() -> None:
    image = np.full((20, 20), 50, np.uint8)
    image[:, 10:] = 200
    sharpened = unsharp_mask(image)
    assert sharpened.dtype == np.uint8
    assert sharpened[10, 9] == 0  # 50 + 2 * (50 - about 110) is below black
    assert sharpened[10, 10] == 255
    assert sharpened[10, 0] == 50
