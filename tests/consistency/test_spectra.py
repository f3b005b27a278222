from __future__ import annotations

import cv2
import pytest
import torch

from tests.blurs import delta
from udsd.consistency.spectra import energy, fast_shape, smoothed, taper, transfer


def test_fast_lengths_have_small_prime_factors_and_hold_what_is_asked() -> None:
    assert [fast_shape(*sides) for sides in ((1, 7), (11, 97), (512, 577))] == [(1, 8), (12, 100), (512, 600)]


def test_a_kernel_is_about_its_middle_pixel() -> None:
    (still,) = delta(9)
    assert torch.allclose(transfer(still, (20, 27)), torch.ones(20, 14, dtype=torch.complex64), atol=1e-6)
    (moving,) = delta(9, down=2, right=-3)
    image = torch.rand(20, 27)
    moved = torch.fft.irfft2(torch.fft.rfft2(image) * transfer(moving, (20, 27)), s=(20, 27))
    assert torch.allclose(moved, image.roll((2, -3), (0, 1)), atol=1e-6)


def test_energy_is_the_squared_magnitude() -> None:
    spectrum = torch.randn(5, 4, dtype=torch.complex64)
    assert torch.allclose(energy(spectrum), spectrum.abs().square())


@pytest.mark.parametrize("shape", [(60, 41), (20, 1), (5, 90)])
def test_a_taper_falls_towards_every_border_alike(shape: tuple[int, int]) -> None:
    fade = taper(*shape, 8, torch.device("cpu"))
    assert fade.shape == shape
    assert torch.equal(fade, fade.flip(0, 1))
    assert 0 < fade.min() < 0.05
    inner = fade[7:-7, 7:-7]
    assert torch.equal(inner, torch.ones_like(inner))


def test_smoothing_keeps_what_is_even_and_spreads_what_is_not() -> None:
    assert torch.allclose(smoothed(torch.full((30, 17), 2.5), 9), torch.full((30, 17), 2.5))
    power = torch.zeros(30, 17)
    power[0, 8] = 81
    spread = smoothed(power, 9)
    assert spread.shape == power.shape
    # The first row of frequencies is next to the last.
    assert torch.allclose(spread[[0, 4, -4], 8], torch.ones(3), atol=1e-5)
    assert not spread[5:-4].any()


def test_sides_are_those_that_opencv_finds_fast() -> None:
    for side in [*range(1, 200), 997, 1025, 4001]:
        assert fast_shape(side, side + 1) == (cv2.getOptimalDFTSize(side), cv2.getOptimalDFTSize(side + 1))
