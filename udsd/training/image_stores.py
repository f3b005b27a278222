"""Where decoded images are kept: in the memory of one process, or in memory that forked processes share."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from udsd.training.sharing import make_array, make_lock

_ROW = [("start", np.int64), ("shape", np.int64, 3), ("gain", np.float32, 3)]


@dataclass(frozen=True, slots=True, eq=False)
class CachedImage:
    """A decoded image.

    Attributes:
        levels: uint8 (H, W, 3), as in the file; (H, W, 1) of a grey one, while it is kept.
        gain: float32 (3,), what scales its light background to white (`udsd.models.white`); 1 for a model without white
            balance.
    """

    levels: NDArray[np.uint8]
    gain: NDArray[np.float32]


class ImageStore(Protocol):
    """Images by their files, up to a size."""

    def get(self, path: Path) -> CachedImage | None:
        """The image of a file, if it is kept."""

    def put(self, path: Path, image: CachedImage) -> bool:
        """Keep an image; false if there is no room for it."""

    def is_news(self, path: Path | None) -> bool:
        """Whether nobody has asked this of that file (or of None) before: what is told once is told now."""

    def __len__(self) -> int:
        """Number of images that are kept."""


class OwnImages:
    """An `ImageStore` of one process. Safe to share between threads.

    Args:
        room: Bytes that may be kept.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._images: dict[Path, CachedImage] = {}
        self._told: set[Path | None] = set()
        self._lock = threading.Lock()

    def get(self, path: Path) -> CachedImage | None:
        """See `ImageStore`."""
        return self._images.get(path)

    def put(self, path: Path, image: CachedImage) -> bool:
        """See `ImageStore`."""
        with self._lock:
            if path in self._images:
                return True
            if image.levels.nbytes > self._room:
                return False
            self._room -= image.levels.nbytes
            self._images[path] = image
            return True

    def is_news(self, path: Path | None) -> bool:
        """See `ImageStore`."""
        with self._lock:
            is_news = path not in self._told
            self._told.add(path)
            return is_news

    def __len__(self) -> int:
        """See `ImageStore`."""
        return len(self._images)


class SharedImages:
    """An `ImageStore` of this process and of all that are forked from it later: what one decodes all have.

    Args:
        room: Bytes that may be kept.
        files: All files whose images it may be given.
    """

    def __init__(self, room: int, files: Sequence[Path]) -> None:
        self._rows = {path: row for row, path in enumerate(dict.fromkeys(files))}
        count = len(self._rows)
        self._table = make_array((count,), _ROW, shared=True)
        self._told = make_array((count + 1,), np.bool_, shared=True)
        self._levels: NDArray[np.uint8] = make_array((room,), np.uint8, shared=True)
        self._used = make_array((1,), np.int64, shared=True)
        self._lock = make_lock(shared=True)

    def get(self, path: Path) -> CachedImage | None:
        """See `ImageStore`."""
        with self._lock:
            row = self._table[self._rows[path]].copy()
        if not row["shape"].all():
            return None
        start, shape = int(row["start"]), tuple(row["shape"])
        return CachedImage(self._levels[start : start + int(np.prod(shape))].reshape(shape), row["gain"])

    def put(self, path: Path, image: CachedImage) -> bool:
        """See `ImageStore`."""
        levels, row = image.levels, self._rows[path]
        with self._lock:
            if self._table[row]["shape"].all():
                return True
            start = int(self._used[0])
            if start + levels.size > self._levels.size:
                return False
            self._levels[start : start + levels.size] = levels.reshape(-1)
            self._table[row] = (start, levels.shape, image.gain)
            self._used[0] += levels.size
            return True

    def is_news(self, path: Path | None) -> bool:
        """See `ImageStore`."""
        row = -1 if path is None else self._rows[path]
        with self._lock:
            is_news = not self._told[row]
            self._told[row] = True
            return is_news

    def __len__(self) -> int:
        """See `ImageStore`."""
        return int(self._table["shape"].all(axis=1).sum())
