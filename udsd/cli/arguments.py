"""Kinds of arguments, which refuse what could only be a mistake."""

from __future__ import annotations

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


def output_path(text: str) -> Path:
    """A path to write to."""
    if text == "-":
        raise ArgumentTypeError("standard output is not supported; give a path (./- for a folder of that name)")
    return some_path(text)
