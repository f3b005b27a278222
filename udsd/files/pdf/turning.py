"""Which way up an image is seen, and back.

A scanner that was fed sideways leaves the picture as it is, and says in the page how it is turned. A network that knows
upright letters must see the page as a reader does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Turning:
    """One of the eight ways to lay a picture down: first transposed, then mirrored.

    Attributes:
        transposes: Rows become columns.
        mirrors_down: The first row of the result comes last.
        mirrors_across: The first column of the result comes last.
    """

    transposes: bool = False
    mirrors_down: bool = False
    mirrors_across: bool = False

    @classmethod
    def of(cls, right: tuple[float, float], up: tuple[float, float], quarter_turns: int) -> Turning:
        """How a picture lies that is drawn somehow on a page, seen as the page is shown.

        Args:
            right: Where the picture's right lies, in the page's own axes (right, up).
            up: Where its top lies.
            quarter_turns: How often the page is turned clockwise by a right angle.
        """
        for _ in range(quarter_turns % 4):
            right, up = (right[1], -right[0]), (up[1], -up[0])
        if abs(right[0]) + abs(up[1]) >= abs(right[1]) + abs(up[0]):
            return cls(False, up[1] < 0, right[0] < 0)
        # The columns of the picture become rows, from the top to the bottom if its right points down.
        return cls(True, right[1] > 0, up[0] > 0)

    def upright(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """The picture (H, W) or (H, W, C) as it is seen."""
        turned = array.swapaxes(0, 1) if self.transposes else array
        return self._mirrored(turned)

    def back(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """The picture as it lay before `upright`."""
        turned = self._mirrored(array)
        return turned.swapaxes(0, 1) if self.transposes else turned

    def _mirrored(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        return array[:: -1 if self.mirrors_down else 1, :: -1 if self.mirrors_across else 1]
