"""Camera paths for the batches of many steps, drawn together.

A path is a recursion over 2,000 points: some 10 ms of Python that hold the interpreter, and hardly more for many
batches than for one. So the paths of a block of steps are drawn at once, and kept until the block is used up.
"""

from __future__ import annotations

import numpy as np

from udsd.degradation.camera_paths import POINTS, CameraPaths, sample_camera_paths
from udsd.training.sharing import make_array, make_lock

_MOST_PATHS = 512
"""Paths of a block: 16 MB."""

_MOST_STEPS = 32
_KEPT_BLOCKS = 8


class PathBlocks:
    """Camera paths by step. Each is a function of the seed, the purpose and the step alone. Threads may share one.

    Args:
        lengths: Shortest and longest path in pixels.
        count: Paths of one step.
        seed: What decides all paths, beside purpose and step.
        shared: Whether processes that are forked later share the blocks too.
    """

    def __init__(
        self, lengths: tuple[float, float], count: int, seed: tuple[int, ...], *, shared: bool = False
    ) -> None:
        self._range = lengths
        self._count = count
        self._seed = seed
        self._steps = max(1, min(_MOST_STEPS, _MOST_PATHS // count))
        paths = self._steps * count
        self._keys = make_array((_KEPT_BLOCKS, 2), np.int64, shared=shared)
        """Purpose of each block, and its number from 1; 0 where there is none yet."""
        self._lengths = make_array((_KEPT_BLOCKS, paths), np.float64, shared=shared)
        self._positions = make_array((_KEPT_BLOCKS, POINTS, paths), np.complex128, shared=shared)
        self._drawn = make_array((1,), np.int64, shared=shared)
        """How many blocks have been drawn: each takes the place of the oldest."""
        self._lock = make_lock(shared=shared)

    def draw(self, purpose: int, step: int) -> CameraPaths:
        """The paths of a step."""
        index, place = divmod(step, self._steps)
        here = slice(place * self._count, (place + 1) * self._count)
        # Within the lock: who needs the same block waits for it.
        with self._lock:
            block = self._block(purpose, index)
            return CameraPaths(self._lengths[block, here].copy(), self._positions[block, :, here].copy())

    def _block(self, purpose: int, index: int) -> int:
        """Where the block lies; it is drawn if need be."""
        (found,) = (self._keys == (purpose, index + 1)).all(axis=1).nonzero()
        if found.size:
            return int(found[0])
        block = int(self._drawn[0] % _KEPT_BLOCKS)
        self._keys[block] = 0
        random = np.random.default_rng([*self._seed, purpose, index])
        lengths = random.uniform(*self._range, size=self._steps * self._count)
        self._lengths[block], self._positions[block] = lengths, sample_camera_paths(lengths, random)
        self._keys[block] = purpose, index + 1
        self._drawn[0] += 1
        return block
