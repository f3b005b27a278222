from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from udsd.domains import DeblurOptions
from udsd.errors import ConfigError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scale": 0}, "scale is 0; give 'auto' or 'off' or 0.125 to 8"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"scale": 8.5}, "scale is 8.5"),
        ({"scale": "large"}, "scale is 'large'"),
        ({"scale": True}, "scale is True"),
        ({"scale": None}, "scale is None"),
        ({"strength": 2}, "strength is 2; give a number from 0 to 1"),
        ({"strength": -0.1}, "strength is -0.1"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"strength": "half"}, "strength is 'half'"),
        ({"faces": "all"}, "faces is 'all'; give 'auto' or 'center' or 'off', or boxes"),
        ({"faces": 3}, "faces is 3"),
        ({"faces": [(0, 0, 10, 0)]}, r"box is \(0, 0, 10, 0\); give .* of a size above 0"),
        ({"faces": [(0, 0, 10)]}, r"box is \(0, 0, 10\)"),
        ({"faces": [(0, 0, 10, float("inf"))]}, "box is"),
        ({"faces": [(0, 0, 1e308, 1e308)]}, "box is"),
        ({"faces": ["face"]}, "box is 'face'"),
        ({"background": "black"}, "background is 'black'; give 'restore' or 'keep'"),
        ({"min_face": -1}, "min_face is -1"),
        ({"scale": np.array([1, 2])}, "scale is array"),
        ({"strength": np.bool_(True)}, "strength is np.True_"),
        ({"strength": 10**400}, "strength is 1000"),
        ({"faces": np.array(3)}, "faces is array"),
        ({"faces": [(0, 0, np.array([10, 10]), 10)]}, "box is"),
        ({"background": np.array(["keep", "restore"])}, "background is array"),
        ({"skip_sharp": 1}, "skip_sharp is 1; give True or False"),
        ({"quality": "good"}, "quality is 'good'; give 'fast' or 'normal' or 'best'"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DeblurOptions(**values)


def test_numbers_of_numpy_and_boxes_of_any_sequence_are_taken() -> None:
    options = DeblurOptions(scale=np.float32(0.5), strength=np.float64(0.25), faces=np.array([[1, 2, 30, 40]]))
    assert options.scale == 0.5
    assert options.faces == ((1.0, 2.0, 30.0, 40.0),)
    assert DeblurOptions(faces=()).faces == ()


def test_options_of_any_library_are_those_of_python_and_can_be_keys() -> None:
    """Batches are found by them."""
    given = DeblurOptions(scale=np.array(0.5), min_face=np.int64(20), strength=np.array(1.0), skip_sharp=np.bool_(True))
    plain = DeblurOptions(scale=0.5, min_face=20, skip_sharp=True)
    assert given == plain
    assert hash(given) == hash(plain)
