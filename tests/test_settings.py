from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pytest

from udsd.errors import ConfigError
from udsd.settings import build_settings


@dataclass(frozen=True)
class Inner:
    FIXED: ClassVar[dict[str, Any]] = {"channels": 3}

    width: int = 4
    range: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    names: tuple[str, ...] = ()
    mode: Literal["a", "b"] = "a"
    share: float = 0.5


def test_nested_values_reach_their_places() -> None:
    values = {"inner": {"width": 8, "range": [1, 2.5]}, "names": ["x", "y"], "mode": "b", "share": 1}
    built = build_settings(Outer, values)
    assert built == Outer(Inner(8, (1.0, 2.5)), ("x", "y"), "b", 1.0)
    assert isinstance(built.share, float)
    assert build_settings(Outer, {}) == Outer()


def test_a_fixed_key_of_an_earlier_version_is_dropped_with_its_one_value() -> None:
    assert build_settings(Outer, {"inner": {"channels": 3}}) == Outer()
    with pytest.raises(ConfigError, match=r"inner\.channels is 1; 3 is the only value"):
        build_settings(Outer, {"inner": {"channels": 1}})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], r"the settings are \[\]"),
        ({"inner": 3}, "inner is 3; give a table"),
        ({"inner": {"widht": 3}}, r"inner\.widht; did you mean width\? Known: width, range"),
        ({"inner": {"width": 3.0}}, r"inner\.width is 3\.0; give a value of type int"),
        ({"inner": {"width": True}}, r"inner\.width is True"),
        ({"inner": {"range": [1]}}, r"inner\.range is \[1\]; give a list of 2 float values"),
        ({"names": "x"}, "names is 'x'; give a list of str values"),
        ({"mode": "c"}, "mode is 'c'; give one of a, b"),
    ],
)
def test_what_does_not_fit_is_named(values: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_settings(Outer, values)
