"""How a model is run: in strips, within a limit of memory."""

from udsd.inference.backend import Backend
from udsd.inference.batching import in_batches
from udsd.inference.engine import Engine
from udsd.inference.memory import MemoryLimit

__all__ = ["Backend", "Engine", "MemoryLimit", "in_batches"]
