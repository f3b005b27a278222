from __future__ import annotations

import pytest
import torch

from udsd.domains.pages.gauge import Measures
from udsd.domains.pages.scale import choose_scale
from udsd.domains.pages.survey import Survey
from udsd.models.config import DomainConfig

NOTHING, PRINT = torch.zeros(1, 1), torch.ones(300, 300, dtype=torch.bool)


def survey(letters: float | None, blur: float = 2) -> Survey:
    return Survey(Measures(*[NOTHING] * 5), PRINT, 16, letters, blur, blur / 16)


@pytest.mark.parametrize(
    ("letters", "blur", "scale"),
    [
        (None, 0, 1),
        (25, 2, 1),  # within the range
        (18, 2, 1.556),  # into the range, and further the nearer they are
        (31, 2, 1),  # larger ones stay: a change of less than their own size lacks the finest part
        (12, 2, 1.833),
        (60, 3, 1),
        (60, 9, 0.667),  # as far as the blur allows
        (12, 4, 1.5),  # no more than the blur allows
        (12, 5.3, 1.333),  # but the letters do not get too small either
        (12, 8, 1),  # unless they can hardly be told
        (21, 20, 1),  # and those of the range stay
        (40, 20, 0.4),
        (2, 0, 8),
        (500, 0, 1),
        (500, 90, 0.125),
    ],
)
def test_letters_and_blur_are_brought_into_the_range_together(letters: float | None, blur: float, scale: float) -> None:
    config = DomainConfig("page", (20.0, 30.0), blur=(6.0, 2.0))
    assert choose_scale(survey(letters, blur), config) == pytest.approx(scale, abs=0.001)


def test_large_letters_that_there_is_no_room_for_are_not_relied_on() -> None:
    """Such as the bars of an icon, or what noise has of them."""
    config = DomainConfig("page", (20.0, 30.0))
    for cells, scale in ((6 * 9 - 1, 22 / 48), (6 * 9, 1)):
        few = PRINT[:1, :1].expand(1, cells)
        assert choose_scale(Survey(Measures(*[NOTHING] * 5), few, 16, 48, 0, 0), config) == pytest.approx(scale)


def test_where_it_is_not_known_what_blur_a_model_undoes_letters_decide() -> None:
    assert choose_scale(survey(12, 50), DomainConfig("page", (20.0, 30.0))) == pytest.approx(1.833, abs=0.001)


def test_defocus_is_wider_across_than_a_model_undoes() -> None:
    config = DomainConfig("page", (20.0, 30.0), blur=(6.0, 2.0))
    defocused = Survey(Measures(*[NOTHING] * 5), NOTHING > 0, 16, 12, 1.5, 1.5)
    assert choose_scale(defocused, config) == pytest.approx(4 / 3, abs=0.001)
    larger = Survey(Measures(*[NOTHING] * 5), NOTHING > 0, 16, 25, 5, 4)
    assert choose_scale(larger, config) == pytest.approx(13 / 25, abs=0.001)
