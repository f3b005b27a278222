"""Camera paths for the batches of many steps, drawn together.

A path is a recursion over 2,000 points: some 10 ms of Python that hold the interpreter, and hardly more for many
batches than for one. So the paths of a block of steps are drawn at once, and kept until the block is used up.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np

from udsd.degradation.camera_paths import CameraPaths, sample_camera_paths

_MOST_PATHS = 512
"""Paths of a block: 16 MB."""

_MOST_STEPS = 32
_KEPT_BLOCKS = 4


class PathBlocks:
    """Camera paths by step. Each is a function of the seed, the purpose and the step alone. Threads may share one.

    Args:
        lengths: Shortest and longest path in pixels.
        count: Paths of one step.
        seed: What decides all paths, beside purpose and step.
    """

    def __init__(self, lengths: tuple[float, float], count: int, seed: tuple[int, ...]) -> None:
        self._lengths = lengths
        self._count = count
        self._seed = seed
        self._steps = max(1, min(_MOST_STEPS, _MOST_PATHS // count))
        self._blocks: OrderedDict[tuple[int, int], CameraPaths] = OrderedDict()
        self._lock = threading.Lock()

    def draw(self, purpose: int, step: int) -> CameraPaths:
        """The paths of a step."""
        index, place = divmod(step, self._steps)
        block = self._block(purpose, index)
        here = slice(place * self._count, (place + 1) * self._count)
        return CameraPaths(block.lengths[here], block.positions[:, here].copy())

    def _block(self, purpose: int, index: int) -> CameraPaths:
        # Within the lock: who needs the same block waits for it.
        with self._lock:
            block = self._blocks.get((purpose, index))
            if block is None:
                block = self._blocks[purpose, index] = self._drawn(purpose, index)
                if len(self._blocks) > _KEPT_BLOCKS:
                    self._blocks.popitem(last=False)
            return block

    def _drawn(self, purpose: int, index: int) -> CameraPaths:
        random = np.random.default_rng([*self._seed, purpose, index])
        lengths = random.uniform(*self._lengths, size=self._steps * self._count)
        return CameraPaths(lengths, sample_camera_paths(lengths, random))
