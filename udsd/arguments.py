"""Arguments of public functions, be they numbers of NumPy, arrays of no dimension or paths as text."""

from __future__ import annotations

import math
import operator
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from udsd.errors import ConfigError


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """A whole number of any library as Python's own.

    Args:
        name: The argument's, for messages.
        value: What was given. Truth values and floats are none.
        least: The smallest that is allowed.
        most: The largest, if there is one.

    Raises:
        ConfigError: It is no whole number, or out of range.
    """
    allowed = f"a whole number of at least {least}" if most is None else f"a whole number from {least} to {most}"
    try:
        number = None if _is_truth(value) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise ConfigError(f"{name} is {value!r}; give {allowed}")
    if number < least or (most is not None and number > most):
        raise ConfigError(f"{name} is {number}; give {allowed}")
    return number


def real_number(
    name: str, value: Any, low: float = -math.inf, high: float = math.inf, allowed: str = "a number"
) -> float:
    """A finite number of any library as Python's own.

    Args:
        name: The argument's, for messages.
        value: What was given. Truth values and text are none.
        low: The smallest that is allowed.
        high: The largest.
        allowed: What is allowed, in words.

    Raises:
        ConfigError: It is no number, or out of range.
    """
    number = math.nan
    # An array of one dimension is no number, be it of one.
    if not isinstance(value, str | bytes) and not _is_truth(value) and getattr(value, "ndim", 0) == 0:
        with suppress(TypeError, ValueError, OverflowError):
            number = float(value)
    if not (math.isfinite(number) and low <= number <= high):
        raise ConfigError(f"{name} is {value!r}; give {allowed}")
    return number


def truth(name: str, value: Any) -> bool:
    """A truth value of any library as Python's own.

    Raises:
        ConfigError: It is none: numbers and text are not taken, for ``"False"`` would be true.
    """
    if not _is_truth(value):
        raise ConfigError(f"{name} is {value!r}; give True or False")
    return bool(value)


def _is_truth(value: Any) -> bool:
    # By what it is called: neither NumPy nor PyTorch need be imported for that.
    kind = str(getattr(value, "dtype", ""))
    return isinstance(value, bool) or (kind in ("bool", "torch.bool") and value.ndim == 0)


def some_path(name: str, value: Any) -> Path:
    """A path given as text or as a path object.

    Raises:
        ConfigError: It is neither.
    """
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        raise ConfigError(f"{name} is {value!r}; give a path, as text or a pathlib.Path")
    return Path(value)
