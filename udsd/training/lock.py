"""One trainer for a folder: two would remove each other's checkpoints and mix their losses."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from udsd.errors import ConfigError

logger = logging.getLogger(__name__)

_NAME = ".udsd-run.lock"
_LONGEST_HOLDER = 300


@contextmanager
def only_trainer(folder: Path) -> Iterator[None]:
    """Keep other trainers out of a folder; the system lets them in again if this process dies.

    Raises:
        ConfigError: Another one is at work there; the message names its process and machine.
    """
    path = folder / _NAME
    holder = _holder(path)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(
            f"{folder} is in use by another training ({holder}); wait for its end, or choose another folder"
        ) from error
    # File systems without locks, and folders that cannot be written, of which saving tells more.
    except (OSError, NotImplementedError) as error:
        logger.debug("%s cannot be locked (%s)", path, error)
    try:
        if lock.is_locked:
            with suppress(OSError):  # Windows keeps a locked file from its own process too
                path.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        lock.release()


def _holder(path: Path) -> str:
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_LONGEST_HOLDER).strip() or "unknown"
    return "unknown"
