from __future__ import annotations

import logging

import pytest
import torch

from udsd.training.alarms import Alarms, diagnose
from udsd.training.objectives import Translations


def translations(restored: torch.Tensor, mean: torch.Tensor, log_variance: torch.Tensor) -> Translations:
    return Translations(restored, restored, restored, restored, mean, mean, log_variance)


def test_figures_by_hand() -> None:
    blurred = torch.rand(2, 3, 8, 8)
    mean = torch.tensor([[1.0], [3.0]])
    figures = diagnose(translations(1 - 2 * blurred, mean, torch.full((2, 1), 0.25).log()), blurred)
    assert figures["correlation"].item() == pytest.approx(-1, abs=1e-5)
    assert figures["code_spread"].item() == pytest.approx(1)
    assert figures["code_sigma"].item() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("means", "word"),
    [
        ({"correlation": -0.2, "code_spread": 2.0, "code_sigma": 1.0}, "inverted"),
        ({"correlation": 0.9, "code_spread": 0.1, "code_sigma": 0.5}, "collapsed"),
    ],
)
def test_each_alarm_rings_once_until_all_is_well(
    means: dict[str, float], word: str, caplog: pytest.LogCaptureFixture
) -> None:
    alarms = Alarms()
    with caplog.at_level(logging.WARNING):
        alarms.check(means, 50)
        alarms.check(means, 100)
        assert [word in message for message in caplog.messages] == [True]
        alarms.check({"correlation": 0.9, "code_spread": 2.0, "code_sigma": 1.0}, 150)
        alarms.check(means, 200)
    assert len(caplog.messages) == 2


def test_a_warm_start_raises_no_alarm(caplog: pytest.LogCaptureFixture) -> None:
    Alarms().check({"restoration": 0.1}, 50)
    assert not caplog.messages


def test_a_code_that_may_be_constant_raises_no_alarm(caplog: pytest.LogCaptureFixture) -> None:
    image, code = torch.rand(2, 3, 8, 8), torch.zeros(2, 1)
    figures = diagnose(translations(image, code, code), image, code_matters=False)
    assert set(figures) == {"correlation"}
    Alarms().check({name: value.item() for name, value in figures.items()}, 50)
    assert not caplog.messages
