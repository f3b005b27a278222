"""Reading rows of a map, wherever they come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Cuts = list[tuple[int, int]]
"""How a map is cut into strips: the first row of each, and the one behind its last."""


class Rows(ABC):
    """A map (1, C, H, W) that is read by rows, from the top to the bottom."""

    @property
    @abstractmethod
    def cuts(self) -> Cuts:
        """The strips in which the map comes."""

    @abstractmethod
    def pieces(self, start: int, stop: int) -> list[Tensor]:
        """Rows ``start`` to ``stop``, as one or more (1, C, h, W), channels last. Do not change them in place."""

    @abstractmethod
    def release(self, before: int) -> None:
        """Say that the rows above ``before`` will not be read again."""

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.cuts[-1][1]

    def window(self, start: int, stop: int, margin: int = 0) -> Tensor:
        """Rows ``start`` to ``stop`` with ``margin`` columns more at both sides, as a convolution needs them.

        What lies beyond the map is mirrored at its border, as reflection padding does.

        Returns:
            (1, C, stop - start, W + 2 margin), channels last.
        """
        return joined(self._reflected_pieces(start, stop), margin)

    def _reflected_pieces(self, start: int, stop: int) -> list[Tensor]:
        last = self.height - 1
        above = [piece for row in range(start, 0) for piece in self.pieces(-row, -row + 1)]
        inside = self.pieces(max(start, 0), min(stop, last + 1))
        mirrored = (2 * last - row for row in range(last + 1, stop))
        return above + inside + [piece for row in mirrored for piece in self.pieces(row, row + 1)]


@dataclass(frozen=True, slots=True)
class Whole(Rows):
    """A map that is in memory as one tensor: the image, or a map of a single strip.

    Attributes:
        values: (1, C, H, W).
        dtype: Number format in which rows are given.
    """

    values: Tensor
    dtype: torch.dtype

    @property
    def cuts(self) -> Cuts:
        """All rows, as one strip."""
        return [(0, self.values.shape[2])]

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        """Rows ``start`` to ``stop``, in one piece."""
        return [self.values[:, :, start:stop].to(self.dtype, memory_format=torch.channels_last)]

    def release(self, before: int) -> None:
        """Do nothing: the tensor is not ours."""


@dataclass(frozen=True, slots=True)
class WithCode(Rows):
    """Features and, behind them, the blur code as further channels: what the generator's layers take.

    Attributes:
        features: (1, C, H, W).
        code: (1, Z). The result has C + Z channels.
    """

    features: Rows
    code: Tensor

    @property
    def cuts(self) -> Cuts:
        """Those of the features."""
        return self.features.cuts

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        """Rows ``start`` to ``stop``, in one piece."""
        return [joined(self.features.pieces(start, stop), code=self.code)]

    def release(self, before: int) -> None:
        """Say that the rows above ``before`` will not be read again."""
        self.features.release(before)


def joined(pieces: Sequence[Tensor], margin: int = 0, code: Tensor | None = None) -> Tensor:
    """Join pieces that lie below each other, with a single copy; a piece that needs no change is not copied.

    Args:
        pieces: (1, C, h, W) each.
        margin: Columns to mirror at both sides.
        code: (1, Z), appended to the channels of all positions.

    Returns:
        (1, C + Z, sum of h, W + 2 margin), channels last.
    """
    if len(pieces) == 1 and margin == 0 and code is None:
        return pieces[0]
    first = pieces[0]
    channels, width = first.shape[1], first.shape[3]
    all_channels = channels + (0 if code is None else code.shape[1])
    shape = (1, all_channels, sum(piece.shape[2] for piece in pieces), width + 2 * margin)
    window = torch.empty(shape, dtype=first.dtype, device=first.device, memory_format=torch.channels_last)
    row = 0
    for piece in pieces:
        window[:, :channels, row : row + piece.shape[2], margin : margin + width] = piece
        row += piece.shape[2]
    for column in range(margin):
        window[..., column] = window[..., 2 * margin - column]
        window[..., margin + width + column] = window[..., margin + width - 2 - column]
    if code is not None:
        window[:, channels:] = code[:, :, None, None]
    return window
