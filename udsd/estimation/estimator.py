"""Estimate the blur of single images: a reader, and the blurs that it may find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from udsd.atomic import whole_file
from udsd.degradation import BlurSet, joined_blurs
from udsd.errors import ConfigError, WeightsError
from udsd.estimation.likelihood import Likelihood
from udsd.estimation.luminance import Luminance
from udsd.estimation.random_blurs import varied
from udsd.estimation.reader import BlurReader
from udsd.estimation.simulation import read
from udsd.estimation.transfer import DESCRIPTION, DIMENSIONS, KERNEL_SIZE, Axes, describe

FILE_NAME = "blur.safetensors"

_PARTS = 4
"""Parts of a large image that are read."""

_KEPT, _VARIATIONS = 16, 8
_STRENGTHS = (1.0, 0.5, 0.25)
"""Of the likeliest blurs so many are kept, each varied so often, in rounds of less and less variation."""

_TABLES = {"axes": ("mean", "scale", "directions"), "likelihood": ("slope", "offset", "whitening")}


class BlurEstimator:
    """What was learnt about the blur of a domain.

    Args:
        reader: Reads coordinates from signatures.
        axes: What the coordinates mean.
        likelihood: How reliable the reader is.
        blurs: The blurs that images of the domain have, with their shares.
    """

    def __init__(self, reader: BlurReader, axes: Axes, likelihood: Likelihood, blurs: BlurSet) -> None:
        self.reader, self.axes, self.likelihood, self.blurs = reader, axes, likelihood, blurs

    def with_blurs(self, blurs: BlurSet) -> BlurEstimator:
        """The same reader, with other blurs to choose among."""
        return BlurEstimator(self.reader, self.axes, self.likelihood, blurs)

    def estimate(self, images: Sequence[Luminance], seed: int = 0) -> BlurSet:
        """Find the blur that explains each image best: one among ``blurs``, then variations of the best ones.

        Args:
            images: Luminances (H, W) from 0 to 255.
            seed: Of the choice of parts of large images, and of the variations.

        Returns:
            A blur for each image, in their order.
        """
        random = np.random.default_rng(seed)
        with torch.inference_mode():
            readings = torch.stack([self._reading(image, random) for image in images])
            likely = self._log_posterior(readings, self.blurs)
            parts = [self._refined(reading[None], row, random) for reading, row in zip(readings, likely, strict=True)]
        return joined_blurs(parts)

    def _reading(self, image: Luminance, random: np.random.Generator) -> Tensor:
        signatures, _ = read([image], _PARTS, random)
        reading: Tensor = self.reader(signatures).mean(dim=0)
        return reading

    def log_likelihoods(self, readings: Tensor, blurs: BlurSet) -> Tensor:
        """Log-likelihoods (M, N) of M readings under N blurs, up to one number for each reading."""
        coordinates = self._own_coordinates if blurs is self.blurs else self._coordinates(blurs)
        return self.likelihood.log(readings, coordinates)

    @cached_property
    def _own_coordinates(self) -> Tensor:
        return self._coordinates(self.blurs)

    def _coordinates(self, blurs: BlurSet) -> Tensor:
        return self.axes.coordinates(describe(blurs, blurs.kernels(KERNEL_SIZE)))

    def _log_posterior(self, readings: Tensor, blurs: BlurSet) -> Tensor:
        return self.log_likelihoods(readings, blurs) + torch.from_numpy(np.log(blurs.weights + 1e-12)).float()

    def _refined(self, reading: Tensor, likely: Tensor, random: np.random.Generator) -> BlurSet:
        """The best of some variations of the likeliest blurs, (1,)."""
        best = self.blurs.take(likely.topk(min(_KEPT, len(likely))).indices.numpy())
        for strength in _STRENGTHS:
            many = best.take(np.repeat(np.arange(len(best)), _VARIATIONS))
            candidates = joined_blurs([best, varied(many, random, strength, switch=0.1)])
            chosen = self._log_posterior(reading, candidates)[0].topk(len(best)).indices.numpy()
            best = candidates.take(chosen)
        return best.take(np.zeros(1, dtype=np.intp))

    def save(self, path: Path) -> None:
        """Write the estimator as safetensors, weights in half precision.

        Raises:
            WeightsError: The file cannot be written.
        """
        tensors = {f"reader.{name}": value for name, value in self.reader.state_dict().items()}
        for table, names in _TABLES.items():
            tensors |= {f"{table}.{name}": getattr(getattr(self, table), name) for name in names}
        tensors |= {f"blurs.{name}": value for name, value in self.blurs.to_tensors().items()}
        halved = {
            name: (value.half() if name.startswith(("reader.layers", "blurs.paths")) else value).contiguous()
            for name, value in tensors.items()
        }
        try:
            with whole_file(path) as unfinished:
                unfinished.write_bytes(save(halved))
        except (OSError, SafetensorError) as error:
            raise WeightsError(f"cannot write {path}: {error}") from error

    def _check_shapes(self) -> None:
        """Refuse tensors of other shapes than `save` writes.

        Raises:
            ConfigError: One has.
        """
        size = DIMENSIONS
        expected = {
            "axes": {"mean": (DESCRIPTION,), "scale": (DESCRIPTION,), "directions": (DESCRIPTION, size)},
            "likelihood": {"slope": (size, size), "offset": (size,), "whitening": (size, size)},
        }
        for table, shapes in expected.items():
            for name, shape in shapes.items():
                got = tuple(getattr(getattr(self, table), name).shape)
                if got != shape:
                    raise ConfigError(f"{table}.{name} has the shape {got}, expected {shape}")

    @classmethod
    def load(cls, path: Path) -> BlurEstimator:
        """Read what `save` has written.

        Raises:
            WeightsError: The file cannot be read, or is of another kind.
        """
        try:
            return cls._from_tensors({name: value.float() for name, value in load_file(path).items()})
        except (OSError, SafetensorError, KeyError, RuntimeError, ConfigError) as error:
            raise WeightsError(f"{path} cannot be read as an estimator of blur: {error}") from error

    @classmethod
    def _from_tensors(cls, tensors: Mapping[str, Tensor]) -> BlurEstimator:
        def under(table: str) -> dict[str, Tensor]:
            return {name.partition(".")[2]: value for name, value in tensors.items() if name.startswith(f"{table}.")}

        axes, likelihood = ({name: tensors[f"{table}.{name}"] for name in names} for table, names in _TABLES.items())
        reader = BlurReader().float()
        reader.load_state_dict(under("reader"))
        reader.eval().requires_grad_(False)
        found = cls(reader, Axes(**axes), Likelihood(**likelihood), BlurSet.from_tensors(under("blurs")))
        found._check_shapes()
        return found
