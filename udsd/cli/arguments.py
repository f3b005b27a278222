"""Kinds of arguments, which refuse what could only be a mistake."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from pathlib import Path


def folder_name(text: str) -> str:
    """Text that is not empty: to `pathlib.Path` nothing, such as an unset variable, is the current folder."""
    if not text:
        raise ArgumentTypeError("the name is empty; give a path (. is the current folder)")
    return text


def some_path(text: str) -> Path:
    """A path that is not empty."""
    return Path(folder_name(text))


def output_name(text: str) -> str:
    """A path to write to, as text: a slash at its end says that it is a folder."""
    output_path(text)
    return text


def output_or_stream(text: str) -> str:
    """As `output_name`, or ``-`` for standard output."""
    return text if text == "-" else output_name(text)


def output_path(text: str) -> Path:
    """A path to write to."""
    if text == "-":
        raise ArgumentTypeError("standard output is not supported; give a path (./- for a folder of that name)")
    return some_path(text)


_SEEDS = 2**63


def some_seed(text: str) -> int:
    """A seed of random draws."""
    if not re.fullmatch(r"\d{1,19}", text, re.ASCII) or int(text) >= _SEEDS:
        raise ArgumentTypeError(f"{text!r} is no seed; give a whole number from 0 to less than 2^63")
    return int(text)


_UNITS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def some_time(text: str) -> float:
    """A time in seconds: ``90s``, ``8min``, ``1h30min``."""
    parts = re.findall(r"\s*(\d+(?:\.\d+)?)\s*(sec|s|min|m|h)", text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not parts or not re.fullmatch(r"(?:\s*\d+(?:\.\d+)?\s*(?:sec|s|min|m|h))+\s*", text) or seconds <= 0:
        raise ArgumentTypeError(f"{text!r} is no time; give one with its unit, such as 90s, 8min or 1h30min")
    return seconds
