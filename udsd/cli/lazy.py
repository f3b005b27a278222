"""Functions that are imported when they are called, so that parsing arguments loads nothing heavy."""

from __future__ import annotations

import importlib
from argparse import Namespace
from collections.abc import Callable


def find_function(name: str) -> Callable[[Namespace], int]:
    """A function of `udsd.cli`, given as ``"module:function"``: parsed options in, exit status out."""
    module, _, function = name.partition(":")
    found: Callable[[Namespace], int] = getattr(importlib.import_module(f"udsd.cli.{module}"), function)
    return found
