"""How a model is run."""

from udsd.inference.engine import Engine

__all__ = ["Engine"]
