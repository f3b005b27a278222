"""How likely what was read of an image is under each of many blurs, and which shares of them explain a whole folder."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_RIDGE = 0.1
_LEAST_VARIANCE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """A linear and normal model of what the reader says of a blur: reading = A coordinates + c + error.

    A reader is drawn to the middle of what it was trained on where an image tells little; A has learnt how far. (This
    is the synthetic likelihood of simulation-based inference; Wood, Nature 2010.)

    Attributes:
        slope: A, transposed, (D, D).
        offset: c, (D,).
        whitening: W with W W^T the inverse covariance of the errors, (D, D).
    """

    slope: Tensor
    offset: Tensor
    whitening: Tensor

    @classmethod
    def fitted(cls, coordinates: Tensor, readings: Tensor) -> Likelihood:
        """Fit the model to blurs (N, D) and their readings (N, D), which the reader was not trained on."""
        # In float32 the covariance of few images may not be positive definite.
        coordinates, readings = coordinates.double(), readings.double()
        count, size = coordinates.shape
        inputs = torch.cat([coordinates, coordinates.new_ones(count, 1)], dim=1)
        solved = torch.linalg.solve(inputs.T @ inputs + _RIDGE * torch.eye(size + 1), inputs.T @ readings)
        errors = readings - inputs @ solved
        freedom = max(1, count - size // 2)
        covariance = errors.T @ errors / freedom + _LEAST_VARIANCE * torch.eye(size)
        root = torch.linalg.cholesky(covariance)
        whitening = torch.linalg.solve_triangular(root.T, torch.eye(size).double(), upper=True)
        return cls(solved[:-1].float(), solved[-1].float(), whitening.float())

    def log(self, readings: Tensor, coordinates: Tensor) -> Tensor:
        """Log-likelihoods (M, N) of M readings under N blurs, up to one number for each reading.

        They are divided by how much worse the best blur explains a reading than chance would have it (at least 1): all
        of them explain it worse then, and none should win by a hair.
        """
        expected = coordinates @ self.slope + self.offset
        distances = torch.cdist(readings @ self.whitening, expected @ self.whitening).square()
        temperature = (distances.amin(dim=1).median() / readings.shape[1]).clamp_min(1)
        return -distances / (2 * temperature)


def shares(log_likelihoods: Tensor, iterations: int) -> Tensor:
    """Shares (N,) of blurs in the population that images (M, N) came from, by expectation maximisation.

    A few iterations smooth: to the end, the shares would collapse onto a handful of blurs.
    """
    likelihoods = torch.exp(log_likelihoods - log_likelihoods.amax(dim=1, keepdim=True)).double()
    share = torch.full((likelihoods.shape[1],), 1 / likelihoods.shape[1], dtype=torch.float64)
    for _ in range(iterations):
        share = posterior(likelihoods, share).mean(dim=0)
    return share


def posterior(likelihoods: Tensor, share: Tensor) -> Tensor:
    """Probabilities (M, N) of the blurs for each image, each row summing to 1."""
    weighted = likelihoods * share
    return weighted / weighted.sum(dim=1, keepdim=True)
