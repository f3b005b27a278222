"""What learning a blur costs on this machine, and how much of it fits the time that there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from udsd.errors import ImageError
from udsd.estimation.folders import MOST_IMAGES
from udsd.estimation.learning import ROUNDS, Round
from udsd.estimation.light import UNKNOWN_SHARE, in_linear_light
from udsd.estimation.luminance import read_luminances
from udsd.estimation.random_blurs import random_blurs
from udsd.estimation.reader import new_reader
from udsd.estimation.simulation import simulate
from udsd.estimation.transfer import DIMENSIONS, KERNEL_SIZE, describe

_TRIAL_FILES = 4
_TRIAL_WARM_UP, _TRIAL_IMAGES = 8, 64
"""Simulated images: some to prepare what later ones need, and those that are timed."""

_TRIAL_EPOCHS = 4

_READ_BESIDES = 2 * MOST_IMAGES
"""Images of the folders that are looked at: once for their signatures, once for whether they were blurred in light."""

_STEP = 0.05
"""Plans differ by this share of the whole one."""

_LEAST_SHARE = 0.25
"""With less, lengths of motion were a fifth off on plates, and some runs found none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How thoroughly a blur is learnt.

    Attributes:
        images: Images of each folder that are read, at most.
        rounds: What is simulated.
    """

    images: int
    rounds: Sequence[Round]

    def shortened(self, share: float) -> Plan:
        """The same rounds with this share of the images, read and simulated."""
        rounds = tuple(replace(one, images=round(one.images * share)) for one in self.rounds)
        return Plan(max(1, round(self.images * share)), rounds)

    @property
    def simulated(self) -> int:
        """Simulated images of all rounds."""
        return sum(one.images for one in self.rounds)


WHOLE = Plan(MOST_IMAGES, ROUNDS)
SHORTEST = WHOLE.shortened(_LEAST_SHARE)


@dataclass(frozen=True, slots=True)
class Cost:
    """What learning a blur takes, in seconds.

    Attributes:
        reading: Of a file.
        simulating: Of an image that is blurred and whose signature is taken.
        fitting: Of a simulated image in an epoch of the reader's training.
    """

    reading: float
    simulating: float
    fitting: float

    def of(self, plan: Plan, files: Sequence[int]) -> float:
        """Seconds that a plan takes, with so many files in each folder."""
        read = sum(min(count, plan.images) for count in files)
        each = (one.images * (self.simulating + one.epochs * self.fitting) for one in plan.rounds)
        looked_at = _READ_BESIDES + 2 * plan.rounds[0].pairs
        return read * self.reading + looked_at * self.simulating + sum(each)


def measure_cost(sharp: Sequence[Path], seed: int = 0, *, clock: Callable[[], float] = time.perf_counter) -> Cost:
    """Measure on a few images what learning a blur takes; that itself takes a second.

    Args:
        sharp: Files of sharp images.
        seed: Of the choice of files.
        clock: Gives seconds.

    Raises:
        ImageError: None of the files can be read.
    """
    random = np.random.default_rng(seed)
    began = clock()
    images = read_luminances(sharp, _TRIAL_FILES, random)
    reading = (clock() - began) / max(len(images), 1)
    if not images:
        raise ImageError(f"none of the {len(sharp)} sharp images can be read")
    for count in (_TRIAL_WARM_UP, _TRIAL_IMAGES):
        blurs = in_linear_light(random_blurs(count, random), UNKNOWN_SHARE, random)
        began = clock()
        kernels = blurs.kernels(KERNEL_SIZE)
        describe(blurs, kernels)
        signatures = simulate(images, blurs, kernels, [seed])
        simulating = (clock() - began) / count
    for epochs in (1, _TRIAL_EPOCHS):
        reader, coordinates = new_reader(seed), torch.zeros(len(signatures), DIMENSIONS)
        began = clock()
        reader.fit(signatures, coordinates, epochs, seed)
        fitting = (clock() - began) / (epochs * len(signatures))
    return Cost(reading, simulating, fitting)


def fitting_plan(cost: Cost, files: Sequence[int], seconds: float) -> Plan | None:
    """The most thorough plan that the time is enough for; None if it is too short for every one.

    Args:
        cost: What the parts take.
        files: Numbers of files in the folders of blurred and of sharp images.
        seconds: The time.
    """
    shares = np.arange(1, _LEAST_SHARE - _STEP / 2, -_STEP)
    plans = [WHOLE, *(WHOLE.shortened(float(share)) for share in shares[1:])]
    return next((plan for plan in plans if cost.of(plan, files) <= seconds), None)
