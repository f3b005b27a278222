from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.blurs import sampler
from tests.typesetting import typeset_page
from udsd.domains.pages.gauge import measure_print
from udsd.domains.pages.parts import find_parts
from udsd.domains.pages.polarity import light_print
from udsd.domains.pages.scale import choose_scale
from udsd.domains.pages.survey import survey_page
from udsd.models.config import DomainConfig


def grey(page: np.ndarray) -> Tensor:
    return torch.from_numpy(page).float() / 127.5 - 1


def blurred(page: np.ndarray, path_length: float, seed: int = 0) -> tuple[Tensor, float]:
    """A page blurred by a camera path, with noise, and the root mean square of the distance that light went."""
    blur = sampler(seed, path_length=(path_length, path_length), noise=(2, 2))
    kernel = sampler(seed, path_length=(path_length, path_length)).kernels(1)[0].numpy()
    rows, columns = np.mgrid[: len(kernel), : len(kernel)] - len(kernel) // 2
    spread = float(np.sqrt((kernel * (rows**2 + columns**2)).sum()))
    margin = blur.config.kernel_size // 2
    padded = torch.from_numpy(np.pad(page, margin, mode="edge")).float()[None, None].expand(1, 3, -1, -1) / 127.5 - 1
    return blur.blur(padded)[0].mean(dim=0), spread


@pytest.mark.parametrize("letters", [9, 13, 20, 32, 50, 90])
def test_letters_are_measured_sharp_and_blurred(letters: int) -> None:
    page = typeset_page(letters, (26 * letters, 10 * letters))
    for path_length in (0, letters, 2 * letters):
        image, spread = (grey(page), 0.0) if path_length == 0 else blurred(page, path_length)
        survey = survey_page(image)
        assert survey.letters == pytest.approx(letters, rel=0.25)
        if path_length:
            assert 0.35 < np.hypot(survey.blur, survey.across) / spread < 1.7


@pytest.mark.parametrize(
    ("letters", "size"),
    [(64, (3000, 2200)), (12, (2400, 3000)), (16, (1000, 9000)), (18, (3500, 3500)), (250, (2600, 1800))],
)
def test_large_pictures_are_measured_in_their_own_pixels(letters: int, size: tuple[int, int]) -> None:
    page = grey(typeset_page(letters, size))
    survey = survey_page(page)
    assert survey.letters == pytest.approx(letters, rel=0.25)
    assert survey.is_print.float().mean() > 0.25
    config = DomainConfig(kind="page", size=(23, 35), blur=(12, 6.5))
    assert find_parts(survey, page.shape, choose_scale(survey, config), config) == []
    assert light_print(survey, page) is None


def test_bands_measure_what_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    page = grey(typeset_page(18, (400, 1300)))
    whole = measure_print(page)
    monkeypatch.setattr("udsd.domains.pages.gauge._BAND", 400 * 100)
    bands = measure_print(page)
    for name in ("print", "letters", "blur", "across", "is_light"):
        assert torch.allclose(getattr(bands, name), getattr(whole, name), rtol=1e-4, atol=1e-4), name


def test_a_page_half_empty_is_measured_where_the_print_is() -> None:
    survey = survey_page(grey(typeset_page(18, (600, 800), top=500)))
    assert survey.letters == pytest.approx(18, rel=0.2)
    rows = survey.is_print.any(dim=1).nonzero() * survey.cell
    assert rows.min() > 450


def ramp() -> np.ndarray:
    return np.tile(np.linspace(20, 230, 500), (400, 1))


def disc() -> np.ndarray:
    rows, columns = np.mgrid[:400, :500]
    return np.where((rows - 200) ** 2 + (columns - 250) ** 2 < 120**2, 60.0, 190.0)


def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(128, 40, (400, 500)).clip(0, 255)


@pytest.mark.parametrize("picture", [lambda: np.full((300, 400), 255.0), ramp, disc, noise, lambda: np.zeros((20, 30))])
def test_where_there_is_no_print_nothing_is_measured(picture: object) -> None:
    assert callable(picture)
    survey = survey_page(grey(picture()))
    assert survey.letters is None


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (7, 9), (16, 16)])
def test_tiny_pictures_are_measured_too(size: tuple[int, int]) -> None:
    assert survey_page(torch.zeros(size)).letters is None
