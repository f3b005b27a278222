from __future__ import annotations

import pytest

from udsd.errors import ConfigError
from udsd.models import ModelConfig


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"base_width": 0}, "base_width"),
        ({"base_width": 10**9}, "base_width"),
        ({"base_width": 32.0}, "base_width"),
        ({"blur_code_size": True}, "blur_code_size"),
        ({"residual_output": 1}, "residual_output"),
        ({"balance_white": "yes"}, "balance_white"),
        ({"consistent": 1}, "consistent is 1; give"),
        ({"consistent": "yes"}, "consistent is 'yes'"),
        ({"consistent": True, "passes": 0}, "passes is 0; give a whole number from 1 to 4"),
        ({"consistent": True, "passes": 5}, "passes is 5"),
        ({"consistent": True, "passes": 2.0}, "passes is 2.0"),
        ({"consistent": True, "passes": True}, "passes is True"),
        ({"passes": 2}, "passes is 2 and consistent false; further passes need consistent = true"),
        ({"window": 100}, "window is 100; give a whole number from 192 to 4096, or leave it out"),
        ({"window": 10**6}, "window is 1000000"),
        ({"window": 512.0}, "window is 512.0"),
        ({"window": True}, "window is True"),
        ({"wdith": 3}, "wdith"),
        ({"input_scale": 0.1}, "input_scale is 0.1; give 0.125 to 8"),
        ({"input_scale": float("nan")}, "input_scale"),
        ({"input_scale": 2, "domain": {"kind": "face", "size": [100, 120]}}, "give one of them"),
    ],
)
def test_bad_configurations_are_refused_by_name(values: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        ModelConfig.from_dict(values)


def test_configuration_round_trip() -> None:
    for config in (
        ModelConfig(base_width=24, residual_output=True),
        ModelConfig(input_scale=1.414),
        ModelConfig(consistent=True),
        ModelConfig(consistent=True, passes=3),
        ModelConfig(window=192),
    ):
        assert ModelConfig.from_dict(config.to_dict()) == config


def test_a_model_that_takes_pictures_as_they_are_says_nothing_of_a_scale() -> None:
    assert "input_scale" not in ModelConfig().to_dict()


def test_only_a_model_that_must_explain_its_pictures_says_so() -> None:
    """Earlier versions read the others."""
    assert not {"consistent", "passes", "window"} & {*ModelConfig().to_dict()}
    told = ModelConfig(consistent=True).to_dict()
    assert told["consistent"] is True
    assert "passes" not in told
    assert ModelConfig(consistent=True, passes=2).to_dict()["passes"] == 2


def test_the_number_of_channels_of_earlier_versions_is_read_and_dropped() -> None:
    config = ModelConfig.from_dict({"image_channels": 3, "base_width": 8})
    assert config == ModelConfig(base_width=8)
    assert "image_channels" not in config.to_dict()
    with pytest.raises(ConfigError, match="image_channels is 4; 3 is the only value"):
        ModelConfig.from_dict({"image_channels": 4})
