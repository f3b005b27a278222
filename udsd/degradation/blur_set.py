"""A set of blurs, each by its parameters: what a folder of blurred images was found to hold, to be drawn from."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from udsd.atomic import whole_file
from udsd.degradation.camera_paths import rasterize
from udsd.degradation.kernels import convolve_circular, defocus_discs, gaussian_kernels
from udsd.errors import ConfigError, WeightsError

PATH_POINTS = 64
_POINTS_PER_STEP = 16
"""Points that are drawn into a kernel for each that is kept."""

_STRAIGHT = 0.97
"""A path whose ends are at least this share of its length apart counts as straight."""

_SHORTEST_PATH = 0.5
"""Pixels. A path below that is no motion: its kernel is one pixel."""

NOT_COMPRESSED = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class BlurSet:
    """N blurs with their weights.

    Attributes:
        paths: Camera paths (64, N) as complex numbers x + iy in pixels, about their centre of mass, at constant speed;
            zeros for none.
        radii: Radii of the discs of defocus in pixels (N,); 0 for none.
        sigmas: Standard deviations of Gaussians in pixels (N,); 0 for none.
        noise: Standard deviations of the noise in each colour channel, in grey levels of 255 (N,).
        qualities: JPEG qualities, 1 to 100 (N,); 0 for images that are not compressed.
        gammas: Powers of the grey levels, in [0, 1], that the blurred light is, from 1 (N,); 1 where grey levels
            themselves are blurred.
        weights: Share of each in the set (N,), summing to 1.
    """

    paths: NDArray[np.complex128]
    radii: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    noise: NDArray[np.float64]
    qualities: NDArray[np.float64]
    gammas: NDArray[np.float64]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return self.radii.size

    @property
    def lengths(self) -> NDArray[np.float64]:
        """Lengths of the paths in pixels (N,)."""
        return np.asarray(np.abs(np.diff(self.paths, axis=0)).sum(axis=0))

    @property
    def moves(self) -> NDArray[np.bool_]:
        """Which blurs have a camera path (N,)."""
        return np.asarray(self.lengths > _SHORTEST_PATH, dtype=np.bool_)

    @property
    def angles(self) -> NDArray[np.float64]:
        """Directions in which the paths extend furthest, in degrees from -90 to 90, from right to down (N,)."""
        centred = self.paths - self.paths.mean(axis=0)
        return np.asarray(np.degrees(np.angle((centred**2).mean(axis=0)) / 2))

    @property
    def straight(self) -> NDArray[np.bool_]:
        """Which paths are straight lines (N,)."""
        straight: NDArray[np.bool_] = np.abs(self.paths[-1] - self.paths[0]) >= _STRAIGHT * self.lengths
        return self.moves & straight

    @property
    def kernel_size(self) -> int:
        """Side in pixels, odd, of a square that holds every kernel."""
        reach = np.maximum(np.abs(self.paths.real).max(axis=0), np.abs(self.paths.imag).max(axis=0))
        return 2 * int(np.ceil((reach + self.radii + 3 * self.sigmas).max(initial=0) + 2)) + 1

    def kernels(self, size: int) -> Tensor:
        """The blur kernels, float32 (N, size, size), each summing to 1; ``size`` is odd and at least `kernel_size`."""
        kernels = torch.from_numpy(rasterize(resampled(self.paths, PATH_POINTS * _POINTS_PER_STEP), size))
        for values, shape in ((self.radii, defocus_discs), (self.sigmas, gaussian_kernels)):
            chosen = np.flatnonzero(values)
            if chosen.size:
                kernels[chosen] = convolve_circular(kernels[chosen], shape(torch.from_numpy(values[chosen]), size))
        return kernels

    def take(self, indices: NDArray[np.intp]) -> BlurSet:
        """The blurs of these indices, in their order, all with the same weight."""
        return BlurSet(
            self.paths[:, indices],
            self.radii[indices],
            self.sigmas[indices],
            self.noise[indices],
            self.qualities[indices],
            self.gammas[indices],
            np.full(indices.size, 1 / max(indices.size, 1)),
        )

    def draw(self, count: int, random: np.random.Generator) -> BlurSet:
        """Draw blurs by their weights."""
        return self.take(random.choice(len(self), size=count, p=self.weights))

    def save(self, path: Path) -> None:
        """Write the set as safetensors.

        Raises:
            WeightsError: The file cannot be written.
        """
        try:
            with whole_file(path) as unfinished:
                unfinished.write_bytes(save(self.to_tensors()))
        except (OSError, SafetensorError) as error:
            raise WeightsError(f"cannot write the set of blurs {path}: {error}") from error

    def to_tensors(self) -> dict[str, Tensor]:
        """The set as float32 tensors of the attributes' names; paths (64, N, 2)."""
        tensors = {}
        for name in (field.name for field in fields(self)):
            values = getattr(self, name)
            values = np.stack([values.real, values.imag], axis=-1) if name == "paths" else values
            tensors[name] = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        return tensors

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> BlurSet:
        """The inverse of `to_tensors`.

        Raises:
            ConfigError: They are no set of blurs.
        """
        try:
            # Sets that were written before blur in linear light was learnt have no gammas.
            tensors = {"gammas": torch.ones_like(tensors["radii"])} | tensors
            values = {field.name: tensors[field.name].double().numpy() for field in fields(cls)}
        except KeyError as error:
            raise ConfigError(f"there is no {error} in it") from error
        paths = values.pop("paths")
        count = values["radii"].size
        if paths.shape != (PATH_POINTS, count, 2) or any(value.shape != (count,) for value in values.values()):
            raise ConfigError("its tensors do not fit together")
        if not count or not all(np.isfinite(value).all() for value in (paths, *values.values())):
            raise ConfigError("it holds no blurs, or numbers that are not finite")
        if any((value < 0).any() for value in values.values()) or values["weights"].sum() <= 0:
            raise ConfigError("it holds sizes or weights below zero")
        if (values["gammas"] < 1).any():
            raise ConfigError("it holds gammas below 1")
        values["weights"] = values["weights"] / values["weights"].sum()
        return cls(paths=paths[..., 0] + 1j * paths[..., 1], **values)


def joined_blurs(sets: Sequence[BlurSet]) -> BlurSet:
    """All blurs of some sets, all with the same weight."""
    values = {
        field.name: np.concatenate([getattr(one, field.name) for one in sets], axis=-1) for field in fields(BlurSet)
    }
    count = values["radii"].size
    return BlurSet(**{**values, "weights": np.full(count, 1 / max(count, 1))})


def load_blurs(path: str | Path) -> BlurSet:
    """Read a set that `BlurSet.save` or `udsd.estimation.BlurEstimator.save` has written; a file is read once.

    Raises:
        ConfigError: The file cannot be read, or is no set of blurs.
    """
    try:
        changed = Path(path).stat().st_mtime_ns
        return _load_blurs(str(path), changed)
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"cannot read the set of blurs {path}: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"{path} is no set of blurs: {error}") from error


@functools.lru_cache(maxsize=4)
def _load_blurs(path: str, _changed: int) -> BlurSet:
    return BlurSet.from_tensors({name.removeprefix("blurs."): value for name, value in load_file(path).items()})


def resampled(paths: NDArray[np.complex128], points: int) -> NDArray[np.complex128]:
    """Paths (T, N) through as many other points, evenly in time: (points, N)."""
    at = np.linspace(0, len(paths) - 1, points)
    before = np.minimum(at.astype(np.intp), len(paths) - 2)
    share = (at - before)[:, None]
    moved: NDArray[np.complex128] = paths[before] * (1 - share) + paths[before + 1] * share
    return moved
