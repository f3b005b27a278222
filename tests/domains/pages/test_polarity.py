from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.typesetting import typeset_page
from udsd.domains.pages.polarity import light_print
from udsd.domains.pages.survey import survey_page


def light_of(page: np.ndarray) -> Tensor | None:
    grey = torch.from_numpy(page).float() / 127.5 - 1
    return light_print(survey_page(grey), grey)


@pytest.fixture
def page() -> np.ndarray:
    return typeset_page(18, (640, 480))


def test_of_dark_print_nothing_is_light(page: np.ndarray) -> None:
    assert light_of(page) is None
    assert light_of((page * 0.5).astype(np.uint8)) is None  # in little light


def test_of_light_print_all_is(page: np.ndarray) -> None:
    for light in (255 - page, 230 - (page * 0.7).astype(np.uint8)):
        found = light_of(light)
        assert found is not None
        assert found.shape == page.shape
        assert found.all()


def test_a_dark_band_on_a_light_page_is_found_to_its_edge(page: np.ndarray) -> None:
    page[160:300] = 255 - page[160:300]
    found = light_of(page)
    assert found is not None
    inside = torch.zeros(page.shape, dtype=torch.bool)
    inside[160:300] = True
    assert (found == inside).float().mean() > 0.97
    assert found[170:290].float().mean() > 0.99


def test_a_dark_picture_on_a_page_is_no_print(page: np.ndarray) -> None:
    page[160:320, 200:460] = np.random.default_rng(0).normal(60, 10, (160, 260)).clip(0, 255)
    assert light_of(page) is None
