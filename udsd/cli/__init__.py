"""The ``udsd`` command: parse, call one library function, print."""

from udsd.cli.main import main

__all__ = ["main"]
