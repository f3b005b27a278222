"""Training: unpaired images in, a model folder out. Of the other rooms only the commands know it.

`train` and `export` do from Python what ``udsd-train`` and ``udsd-train export`` do.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from udsd.training.api import train
    from udsd.training.config import TrainingConfig
    from udsd.training.exporting import export
    from udsd.training.progress import TrainingUpdate
    from udsd.training.runs import TrainedRun

__all__ = ["TrainedRun", "TrainingConfig", "TrainingUpdate", "export", "train"]

_HOMES = {
    "TrainedRun": "runs",
    "TrainingConfig": "config",
    "TrainingUpdate": "progress",
    "export": "exporting",
    "train": "api",
}
"""Names and the modules they are in."""


def __getattr__(name: str) -> Any:
    """Import what is asked for, and PyTorch with it: the commands answer ``--help`` without."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"udsd.training.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
