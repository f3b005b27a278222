"""Checkpoints that survive being interrupted: written aside, flushed to disk, then renamed.

A checkpoint is for going on with a run. To begin another from a trained model, `TRAINING_STATE` lies beside the model.
"""

from __future__ import annotations

import logging
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from udsd.atomic import remove_unfinished, whole_file
from udsd.errors import UdsdError, WeightsError
from udsd.regular import regular_size
from udsd.training.networks import TrainingNetworks

logger = logging.getLogger(__name__)

BEST_FILE = "best.pt"
"""The weights of a run with the best validation: what is exported unless the newest are asked for."""

TRAINING_STATE = "training_state.safetensors"
"""The networks of a run that its model folder does not hold, as float32, in a file beside it."""

_LARGEST_TRAINING_STATE = 1 << 33
"""Bytes; at the largest width that a configuration allows the networks have 6 GB."""

_LONGEST_REASON = 300

_Taken = TypeVar("_Taken")

_NAME = re.compile(r"checkpoint-(\d{8})\.pt")


def save_checkpoint(folder: Path, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write ``folder/checkpoint-STEP.pt`` and remove all but the newest ``keep`` up to that step.

    A crash at any moment leaves the earlier checkpoints whole: the file gets its name only when all of it is
    on disk.

    Raises:
        OSError: The disk is full, or the folder cannot be written to.
    """
    target = folder / f"checkpoint-{step:08d}.pt"
    remove_unfinished(folder)
    write_state(target, state)
    # Files newer than the step we resumed from belong to an abandoned attempt; they do not count among those to keep.
    up_to_now = [path for path in find_checkpoints(folder) if path.name <= target.name]
    for old in up_to_now[:-keep]:
        old.unlink()
    return target


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values to a file that appears when all of it is on disk.

    Raises:
        OSError: It cannot be written.
    """
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        _write(state, file)
        file.flush()
        os.fsync(file.fileno())


def _write(state: dict[str, Any], file: BinaryIO) -> None:
    try:
        torch.save(state, file)
    except RuntimeError as error:
        # A write that failed leaves torch's archive unfinished, about which closing it complains instead.
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def find_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints of a run, oldest first."""
    return sorted(path for path in folder.glob("checkpoint-*.pt") if _NAME.fullmatch(path.name))


def load_newest_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The newest sound checkpoint, or None when the run has none at all.

    Raises:
        WeightsError: There are checkpoints, but none is sound.
    """
    return take_newest_checkpoint(folder, lambda state: state)


def take_newest_checkpoint(folder: Path, take: Callable[[dict[str, Any]], _Taken]) -> _Taken | None:
    """What ``take`` makes of the newest checkpoint that it can use, or None when the run has none at all.

    Only tensors and plain values are unpickled. One that is cut short, has another checksum than when it was written,
    or that ``take`` cannot use, is passed over with a warning.

    Args:
        folder: Of the run.
        take: Given what was saved. Its errors mean that the checkpoint is of another structure, except for those of
            this library and for lack of memory, which are raised.

    Raises:
        WeightsError: There are checkpoints, but none can be used.
    """
    checkpoints = find_checkpoints(folder)
    for path in reversed(checkpoints):
        for taken in _take(path, take, "trying the one before"):
            return taken
    if checkpoints:
        raise WeightsError(f"none of the {len(checkpoints)} checkpoints in {folder} can be read; start anew")
    return None


def take_best(folder: Path, take: Callable[[dict[str, Any]], _Taken]) -> _Taken | None:
    """What ``take`` makes of the best weights of a run; None if there are none, or, with a warning, if it cannot.

    Arguments and errors are those of `take_newest_checkpoint`.
    """
    path = folder / BEST_FILE
    return next(iter(_take(path, take, "going on without it") if path.exists() else ()), None)


def _take(path: Path, take: Callable[[dict[str, Any]], _Taken], what_then: str) -> tuple[_Taken, ...]:
    """What ``take`` makes of a file; nothing, and a warning, if it cannot use it."""
    try:
        return (take(read_state(path)),)
    except (UdsdError, MemoryError, torch.OutOfMemoryError):
        raise
    # On a broken file torch raises nearly anything: RuntimeError, EOFError, UnpicklingError, KeyError...
    except Exception as error:
        reason = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
        logger.warning("%s cannot be read (%s); %s", path, reason, what_then)
        return ()


def read_state(path: Path) -> dict[str, Any]:
    """What `write_state` wrote. Only tensors and plain values are unpickled.

    Raises:
        Exception: It is broken; of which kind depends on how.
    """
    regular_size(path)
    _check_sums(path)
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _check_sums(path: Path) -> None:
    """Compare the CRC-32 of each part of the archive, which torch writes, but does not look at when it reads."""
    with zipfile.ZipFile(path) as archive:
        if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
            raise ValueError("it is compressed, as torch writes none")
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"the checksum of {damaged} is wrong")


def save_training_state(networks: TrainingNetworks, folder: Path) -> Path:
    """Write the file `TRAINING_STATE` into a model folder.

    Raises:
        WeightsError: It cannot be written.
    """
    tensors = {name: tensor.cpu().contiguous() for name, tensor in networks.training_state().items()}
    target = folder / TRAINING_STATE
    try:
        with whole_file(target) as unfinished:
            safetensors.torch.save_file(tensors, unfinished)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot write {target} ({error}); check the folder and the disk") from error
    return target


def load_training_state(folder: Path) -> dict[str, Tensor] | None:
    """The tensors of the file `TRAINING_STATE` of a folder, or None where there is none.

    Raises:
        WeightsError: The file is broken.
    """
    path = folder / TRAINING_STATE
    if not path.exists():
        return None
    try:
        if regular_size(path) > _LARGEST_TRAINING_STATE:
            raise WeightsError(f"{path} is larger than any training state; remove it to start without it")
        return safetensors.torch.load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read ({error}); remove it to start without it") from error
