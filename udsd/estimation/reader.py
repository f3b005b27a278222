"""A small network that reads an image's blur from its signature."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from udsd.estimation.signature import SIZE
from udsd.estimation.transfer import DIMENSIONS

_WIDTH = 512
_DROPOUT = 0.15
_RATE = 1e-3
_DECAY = 0.02
_JITTER = 0.02
"""Noise on signatures, in units of their standard deviations, that keeps the network from learning them by heart."""

_BATCH = 64
_LOG_VARIANCES = (-7.0, 3.0)


class BlurReader(nn.Module):
    """Read the coordinates of a blur (`udsd.estimation.transfer`) from a signature, two hidden layers."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(SIZE))
        self.register_buffer("deviation", torch.ones(SIZE))
        self.layers = nn.Sequential(
            nn.Linear(SIZE, _WIDTH),
            nn.GELU(),
            nn.Dropout(_DROPOUT),
            nn.Linear(_WIDTH, _WIDTH),
            nn.GELU(),
            nn.Dropout(_DROPOUT),
            nn.Linear(_WIDTH, 2 * DIMENSIONS),
        )

    def forward(self, signatures: Tensor) -> Tensor:
        """Signatures (N, F) to coordinates (N, 32)."""
        return self.distribution((signatures - self.mean) / self.deviation)[0]

    def distribution(self, standardised: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the coordinates, (N, 32) each, from standardised signatures (N, F)."""
        mean, log_variance = self.layers(standardised).chunk(2, dim=1)
        return mean, log_variance.clamp(*_LOG_VARIANCES)

    def fit(self, signatures: Tensor, coordinates: Tensor, epochs: int, seed: int, beta: float = 0.0) -> None:
        """Train on signatures and the coordinates of their blurs, by the Gaussian likelihood.

        The result depends on the arguments alone, not on the global random state; the network is in eval mode after it.

        Args:
            signatures: (N, F).
            coordinates: (N, 32).
            epochs: Passes over all.
            seed: Of all randomness.
            beta: See `weighted_likelihood`.
        """
        self.mean.copy_(signatures.mean(dim=0))
        self.deviation.copy_(signatures.std(dim=0) + 1e-4)
        inputs = (signatures - self.mean) / self.deviation
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.train()
            self._descend(inputs, coordinates, epochs, beta)
        self.eval()

    def _descend(self, inputs: Tensor, coordinates: Tensor, epochs: int, beta: float) -> None:
        optimizer = torch.optim.AdamW(self.parameters(), lr=_RATE, weight_decay=_DECAY)
        for epoch in range(epochs):
            for group in optimizer.param_groups:
                group["lr"] = _RATE * max(0.01, (1 + math.cos(math.pi * epoch / epochs)) / 2)
            for chosen in torch.randperm(len(inputs)).split(_BATCH):  # type: ignore[no-untyped-call]
                noisy = inputs[chosen] + _JITTER * torch.randn(len(chosen), inputs.shape[1])
                mean, log_variance = self.distribution(noisy)
                loss = weighted_likelihood(mean, log_variance, coordinates[chosen], beta)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()


def weighted_likelihood(mean: Tensor, log_variance: Tensor, target: Tensor, beta: float) -> Tensor:
    """Negative Gaussian log-likelihood of the target, each number's weighted by its variance to the power of beta.

    The weight has no gradient (Seitzer et al., "On the pitfalls of heteroscedastic uncertainty estimation", ICLR 2022).
    At 0 it is the plain likelihood: where blur is read almost exactly but for a few images, these have gradients some
    hundred times the usual ones. At 1 the mean is trained as by the squared error.
    """
    losses = (mean - target).square() * torch.exp(-log_variance) + log_variance
    if beta:
        losses = losses * torch.exp(beta * log_variance.detach())
    return losses.mean() / 2


def new_reader(seed: int) -> BlurReader:
    """A reader of random weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BlurReader()
