"""Colour spaces: from samples to the grey or RGB that a network takes, and back.

Nothing is converted between profiles: a network is given the numbers of a grey or an RGB space as they are, as it is
those of an image file with a profile, and the space stays with the image. Inks become RGB by what each leaves of white
light, and go back so that what did not change keeps its inks, and black stays the part of black that it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from udsd.errors import ImageError

_TWO = 2


@dataclass(frozen=True, slots=True, eq=False)
class Coloured:
    """Samples on their way back into a file.

    Attributes:
        values: (H, W, C), uint8 or uint16.
        bits: Of a sample.
        palette: The colours of an Indexed space (N, 3) or (N, 1), uint8, if they have changed.
    """

    values: NDArray[Any]
    bits: int
    palette: NDArray[np.uint8] | None = None


class Colours(Protocol):
    """A colour space with the Decode array of an image."""

    @property
    def components(self) -> int:
        """Samples of a pixel."""
        ...

    def view(self, samples: NDArray[Any], bits: int) -> NDArray[Any]:
        """What a network is given: grey (H, W) or RGB (H, W, 3), uint8, or uint16 for samples of 16 bits."""
        ...

    def back(self, view: NDArray[Any], samples: NDArray[Any], bits: int) -> Coloured:
        """Samples of a restored view.

        Args:
            view: As `view` gave it, restored.
            samples: From which it gave it.
            bits: Of a sample.
        """
        ...


@dataclass(frozen=True, slots=True)
class Levels:
    """Grey or RGB.

    Attributes:
        ranges: What the smallest and the largest sample of each colour mean, in parts of white.
    """

    ranges: Sequence[tuple[float, float]]

    @property
    def components(self) -> int:
        """Samples of a pixel."""
        return len(self.ranges)

    def view(self, samples: NDArray[Any], bits: int) -> NDArray[Any]:
        """Grey (H, W) or RGB (H, W, 3)."""
        tables = [_levels_of_samples(limits, bits) for limits in self.ranges]
        view = np.stack([table[samples[..., index]] for index, table in enumerate(tables)], axis=-1)
        return _flat(view)

    def back(self, view: NDArray[Any], samples: NDArray[Any], bits: int) -> Coloured:
        """The nearest samples."""
        levels = view[..., None] if view.ndim == _TWO else view
        tables = [_samples_of_levels(limits, bits) for limits in self.ranges]
        values = np.stack([table[levels[..., index]] for index, table in enumerate(tables)], axis=-1)
        return Coloured(values, bits)


@dataclass(frozen=True, slots=True)
class Inks:
    """Cyan, magenta, yellow and black.

    Attributes:
        ranges: What the smallest and the largest sample of each ink mean, in parts of all ink.
    """

    ranges: Sequence[tuple[float, float]]

    @property
    def components(self) -> int:
        """Samples of a pixel."""
        return len(self.ranges)

    def view(self, samples: NDArray[Any], bits: int) -> NDArray[Any]:
        """RGB (H, W, 3)."""
        white = _white(bits)
        inks = self._inks(samples, bits)
        colours: NDArray[Any] = np.rint((1 - inks[..., :3]) * (1 - inks[..., 3:]) * white).astype(_dtype(bits))
        return colours

    def back(self, view: NDArray[Any], samples: NDArray[Any], bits: int) -> Coloured:
        """Inks that make the colours: black follows the darkest of them, the others make up for the rest."""
        white = _white(bits)
        came, inks = self.view(samples, bits), self._inks(samples, bits)
        light = view.astype(np.float32) / white
        # Black may grow to what the lightest colour allows, from where it was below what that allowed.
        darkest, darkest_before = (1 - one.max(axis=-1) for one in (light, came.astype(np.float32) / white))
        black = np.clip(inks[..., 3] + darkest - darkest_before, 0, darkest)
        left = (1 - black)[..., None]
        coloured = 1 - np.divide(light, left, out=np.ones_like(light), where=left > 0)
        wanted = np.concatenate([coloured, black[..., None]], axis=-1).clip(0, 1)
        tables = [_samples_of_levels(limits, bits) for limits in self.ranges]
        levels = np.rint(wanted * white).astype(_dtype(bits))
        values = np.stack([table[levels[..., index]] for index, table in enumerate(tables)], axis=-1)
        same = (view == came).all(axis=-1, keepdims=True)
        return Coloured(np.where(same, samples, values), bits)

    def _inks(self, samples: NDArray[Any], bits: int) -> NDArray[np.floating]:
        tables = [_levels_of_samples(limits, bits) for limits in self.ranges]
        levels = np.stack([table[samples[..., index]] for index, table in enumerate(tables)], axis=-1)
        return levels.astype(np.float32) / _white(bits)


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """An Indexed space.

    A palette of two colours stays; any other is made anew, of as many colours as its samples can name.

    Attributes:
        entries: RGB (N, 3) or grey (N, 1), uint8.
        ranges: Of the indices, or None where a sample is one.
    """

    entries: NDArray[np.uint8]
    ranges: Sequence[tuple[float, float]] | None
    components: int = 1

    def for_bits(self, bits: int) -> Palette:
        """The same for samples of so many bits, without a Decode array that says what holds without one.

        Raises:
            ImageError: It has another one, and would have to be made anew.
        """
        if self.ranges is None or [*self.ranges] == [(0, 2**bits - 1)]:
            return replace(self, ranges=None)
        if len(self.entries) > _TWO and bits > 1:
            raise ImageError("its palette has a Decode array, with which it is not restored")
        return self

    def view(self, samples: NDArray[Any], bits: int) -> NDArray[Any]:
        """Grey (H, W) or RGB (H, W, 3), uint8."""
        view = self.entries[self._indices(bits)[samples[..., 0]]]
        return _flat(view)

    def back(self, view: NDArray[Any], samples: NDArray[Any], bits: int) -> Coloured:
        """Indices into the palette or into a new one."""
        if len(self.entries) <= _TWO or bits == 1:
            return Coloured(self._nearest(view, bits), bits)
        count = 2**bits
        if self.entries.shape[1] == 1:
            values = np.rint(view / 255 * (count - 1)).astype(np.uint8)
            palette = np.rint(np.linspace(0, 255, count)).astype(np.uint8)[:, None]
            return Coloured(values[..., None], bits, palette)
        reduced = Image.fromarray(view).quantize(count, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        chosen = np.asarray(reduced.getpalette(), np.uint8).reshape(-1, 3)
        values = np.asarray(reduced)
        return Coloured(values[..., None], bits, chosen[: int(values.max()) + 1])

    def _nearest(self, view: NDArray[Any], bits: int) -> NDArray[np.uint8]:
        """The sample whose colour is nearest."""
        indices = self._indices(bits)
        levels = (view[..., None] if view.ndim == _TWO else view).astype(np.int32)
        # Two samples at most: those of the two colours, or of a bit.
        first, second = (int(np.argmax(indices == index)) for index in (indices.min(), indices.max()))
        distances = [((levels - self.entries[indices[one]].astype(np.int32)) ** 2).sum(-1) for one in (first, second)]
        return np.where(distances[1] < distances[0], second, first).astype(np.uint8)[..., None]

    def _indices(self, bits: int) -> NDArray[np.intp]:
        """The entry that each sample names; what lies beyond the last names that."""
        samples = np.arange(2**bits)
        if self.ranges is not None:
            low, high = self.ranges[0]
            samples = np.rint(low + samples * (high - low) / (2**bits - 1)).astype(np.intp)
        return samples.clip(0, len(self.entries) - 1)


def _flat(view: NDArray[Any]) -> NDArray[Any]:
    """Grey without its axis of channels; RGB as it is."""
    return view.reshape(view.shape[:2]) if view.shape[2] == 1 else view


def _white(bits: int) -> int:
    return 65535 if bits == 16 else 255


def _dtype(bits: int) -> type[np.uint8 | np.uint16]:
    return np.uint16 if bits == 16 else np.uint8


def _levels_of_samples(limits: tuple[float, float], bits: int) -> NDArray[Any]:
    """Of each sample its level from 0 to white."""
    low, high = limits
    parts = low + np.arange(2**bits) * ((high - low) / (2**bits - 1))
    levels: NDArray[Any] = np.rint(parts.clip(0, 1) * _white(bits)).astype(_dtype(bits))
    return levels


def _samples_of_levels(limits: tuple[float, float], bits: int) -> NDArray[Any]:
    """Of each level from 0 to white the nearest sample."""
    low, high = limits
    parts = (np.arange(_white(bits) + 1) / _white(bits) - low) / (high - low)
    samples: NDArray[Any] = np.rint(parts.clip(0, 1) * (2**bits - 1)).astype(_dtype(bits))
    return samples
