"""Checkpoints that survive being interrupted: written aside, flushed to disk, then renamed."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

import torch

from udsd.errors import WeightsError

logger = logging.getLogger(__name__)

_NAME = re.compile(r"checkpoint-(\d{8})\.pt")


def save_checkpoint(folder: Path, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write ``folder/checkpoint-STEP.pt`` and remove all but the newest ``keep`` up to that step.

    A crash at any moment leaves the earlier checkpoints whole: the file gets its name only when all of it is
    on disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"checkpoint-{step:08d}.pt"
    unfinished = target.with_suffix(".unfinished")
    try:
        with unfinished.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    # A later one is broken, for the run went on from an earlier: it must not push out what can be read.
    up_to_now = [path for path in find_checkpoints(folder) if path.name <= target.name]
    for old in up_to_now[:-keep]:
        old.unlink()
    return target


def find_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints of a run, oldest first."""
    return sorted(path for path in folder.glob("checkpoint-*.pt") if _NAME.fullmatch(path.name))


def clear_run(folder: Path) -> None:
    """Remove what a run left in its folder: checkpoints, ``losses.csv`` and sample grids, and nothing else."""
    grids = [path for path in (folder / "samples").glob("*.png") if path.stem.isdecimal()]
    for path in [*find_checkpoints(folder), folder / "losses.csv", *grids]:
        path.unlink(missing_ok=True)


def load_newest_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The newest checkpoint that can be read, or None when the run has none at all.

    Only tensors and plain values are unpickled. A checkpoint cut short is passed over with a warning.

    Raises:
        WeightsError: There are checkpoints, but none can be read.
    """
    checkpoints = find_checkpoints(folder)
    for path in reversed(checkpoints):
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        # On a broken file torch raises nearly anything: RuntimeError, EOFError, UnpicklingError, KeyError...
        except Exception as error:
            logger.warning("%s cannot be read (%s); trying the one before", path, error)
            continue
        return state
    if checkpoints:
        raise WeightsError(f"none of the {len(checkpoints)} checkpoints in {folder} can be read; start anew")
    return None
