from __future__ import annotations

import math

import numpy as np
import pytest

from udsd.errors import ImageError
from udsd.evaluation.metrics import MAX_PSNR, Image, correlation, mean_color_error, psnr, shift_tolerant_psnr, ssim


def noise(shape: tuple[int, ...], seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def brute_force_shift_psnr(restored: Image, sharp: Image, reach: int) -> float:
    height, width = sharp.shape[:2]
    errors = []
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            total, pixels = 0, 0
            for row in range(reach, height - reach):
                for column in range(reach, width - reach):
                    total += (int(restored[row + down, column + right]) - int(sharp[row, column])) ** 2
                    pixels += 1
            errors.append(total / pixels)
    return 10 * math.log10(255**2 / min(errors))


def test_psnr_of_a_constant_difference() -> None:
    sharp = np.full((5, 7, 3), 100, np.uint8)
    assert psnr(sharp + np.uint8(10), sharp) == pytest.approx(20 * math.log10(25.5))


def test_psnr_counts_a_difference_below_zero_without_wrapping() -> None:
    assert psnr(np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)) == pytest.approx(0)


def test_psnr_of_identical_images_is_capped() -> None:
    image = noise((6, 6, 3))
    assert psnr(image, image) == MAX_PSNR


@pytest.mark.parametrize("offset", [(0, 0), (4, -4), (-3, 2), (-4, 4)])
def test_shift_within_reach_is_found_exactly(offset: tuple[int, int]) -> None:
    sharp = noise((24, 31, 3))
    assert shift_tolerant_psnr(np.roll(sharp, offset, axis=(0, 1)), sharp) == MAX_PSNR


@pytest.mark.parametrize("offset", [(5, 0), (0, -5)])
def test_shift_beyond_reach_is_not_found(offset: tuple[int, int]) -> None:
    sharp = noise((24, 31, 3))
    assert shift_tolerant_psnr(np.roll(sharp, offset, axis=(0, 1)), sharp) < 12


def test_shift_tolerant_psnr_equals_brute_force() -> None:
    sharp, restored = noise((11, 13)), noise((11, 13), seed=1)
    assert shift_tolerant_psnr(restored, sharp, max_shift=2) == pytest.approx(
        brute_force_shift_psnr(restored, sharp, 2)
    )


def test_all_shifts_compare_the_same_inner_pixels() -> None:
    sharp = noise((20, 20))
    restored = sharp.copy()
    # Only the border differs; the fixed inner area does not see it at shift zero.
    restored[:4] = 255 - restored[:4]
    assert shift_tolerant_psnr(restored, sharp) == MAX_PSNR
    restored[4, 4] ^= 1
    assert shift_tolerant_psnr(restored, sharp) == pytest.approx(10 * math.log10(255**2 * 12 * 12))


def test_ssim_of_identical_images_is_one() -> None:
    image = noise((16, 20, 3))
    assert ssim(image, image) == pytest.approx(1)


def test_ssim_of_flat_images_is_the_luminance_term() -> None:
    # Without variance only (2 a b + C1) / (a^2 + b^2 + C1) is left, C1 = (0.01 * 255)^2.
    first, second, constant = 60.0, 180.0, 2.55**2
    expected = (2 * first * second + constant) / (first**2 + second**2 + constant)
    assert ssim(np.full((16, 16), 60, np.uint8), np.full((16, 16), 180, np.uint8)) == pytest.approx(expected)


def test_ssim_takes_grey_as_it_takes_equal_channels() -> None:
    first, second = noise((20, 20)), noise((20, 20), seed=1)
    colours = ssim(np.repeat(first[..., None], 3, axis=2), np.repeat(second[..., None], 3, axis=2))
    assert ssim(first, second) == pytest.approx(colours)


def test_color_error_is_the_mean_over_channels_of_absolute_shifts() -> None:
    sharp = np.full((4, 4, 3), 100, np.uint8)
    restored = sharp + np.array([3, 0, 0], np.uint8)
    restored[..., 2] -= 6
    assert mean_color_error(restored, sharp) == pytest.approx(3)


def test_color_error_ignores_where_the_colours_lie() -> None:
    image = noise((8, 8, 3))
    assert mean_color_error(image[::-1], image) == pytest.approx(0)


def test_correlation_of_an_image_with_itself_and_its_negative() -> None:
    image = noise((8, 8, 3))
    assert correlation(image, image) == pytest.approx(1)
    assert correlation(255 - image, image) == pytest.approx(-1)


def test_inversion_shows_although_the_colours_are_right() -> None:
    detail = noise((8, 8)).astype(np.int64) // 8
    base = np.array([200, 100, 40])
    blurred = (base + detail[..., None]).astype(np.uint8)
    inverted = (base + 31 - detail[..., None]).astype(np.uint8)
    assert correlation(inverted, blurred) == pytest.approx(-1)


def test_a_flat_image_correlates_with_nothing() -> None:
    assert correlation(np.full((8, 8), 9, np.uint8), noise((8, 8))) == 0


def test_images_of_other_shapes_are_refused() -> None:
    with pytest.raises(ImageError, match=r"\(4, 4, 3\) and \(4, 5, 3\)"):
        psnr(noise((4, 4, 3)), noise((4, 5, 3)))


def test_float_images_are_refused() -> None:
    with pytest.raises(ImageError, match="float64"):
        psnr(np.zeros((4, 4)), np.zeros((4, 4)))  # type: ignore[arg-type]


def test_images_too_small_for_a_score_are_refused() -> None:
    with pytest.raises(ImageError, match="at least 9 a side"):
        shift_tolerant_psnr(noise((8, 20)), noise((8, 20)))
    with pytest.raises(ImageError, match="at least 11 a side"):
        ssim(noise((20, 10)), noise((20, 10)))
