"""A progress bar over images, which moves within each of them as well."""

from __future__ import annotations

import sys
import warnings
from types import TracebackType
from typing import Self

with warnings.catch_warnings():
    # Without ipywidgets a notebook has bars of text, which need no advice.
    warnings.filterwarnings("ignore", message="IProgress not found")
    from tqdm.auto import tqdm

__all__ = ["ImageBar", "tqdm"]

_DIGITS = 2
"""Of the number of images that the bar shows."""


class ImageBar:
    """A bar on standard error, or in a notebook; without a console, as under pythonw, there is none.

    Args:
        total: How many images there are, if that is known; it may be set later.
        shown: Whether there is a bar at all.
    """

    def __init__(self, total: int | None = None, *, shown: bool) -> None:
        self._bar = tqdm(total=total, unit="image", disable=not shown or sys.stderr is None)
        self._finished = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def expect(self, total: int) -> None:
        """Set how many images there are: then the bar can tell the time left."""
        self._bar.total = total

    def within(self, images: float) -> None:
        """Move to so many images, also parts of one, behind those that are finished."""
        self._move_to(self._finished + images)

    def finish(self, count: int = 1) -> None:
        """Count images as finished."""
        self._finished += count
        self._move_to(self._finished)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def _move_to(self, place: float) -> None:
        # Rounded, for the bar shows the number as it is; and set, for a sum of many steps is not round, and may be more
        # than the total, of which tqdm warns.
        place = round(place, _DIGITS)
        if place > self._bar.n:
            self._bar.n = int(place) if place == int(place) else place  # 4, not 4.0
            self._bar.update(0)
