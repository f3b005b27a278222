"""The paper's losses, one function each (Section 3.2 to 3.5), and the one map of their weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from udsd.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weight of each named loss in the sum that trains encoders and generators (paper, Equation 8).

    Attributes:
        adversarial: Log-loss against both discriminators.
        cycle: L1 distance of both images to what comes back from their round trip.
        kl: Divergence of the blur code from a standard normal.
        perceptual: Distance of VGG-19 conv3_3 features of b and s_b; needs VGG weights. Not used for text.
        restoration: L1 distance of the warm start, which is not in the paper.
        restoration_squared: Squared distance of the warm start. L1 alone answers a blur it cannot undo with the
            median, which on a page is white paper: hard strokes fade. The square's answer is the mean, which keeps
            their grey, as the blur itself does.
    """

    adversarial: float = 1.0
    cycle: float = 10.0
    kl: float = 0.01
    perceptual: float = 0.1
    restoration: float = 2.5
    restoration_squared: float = 10.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < math.inf:
                raise ConfigError(f"the weight of the {field.name} loss is {value!r}; give a number of 0 or more")


def weighted_sum(losses: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """The objective: every named loss times the weight of that name."""
    return torch.stack([getattr(weights, name) * loss for name, loss in losses.items()]).sum()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, sigma^2) || N(0, 1)) = 1/2 sum(mean^2 + sigma^2 - log sigma^2 - 1) (Equation 3).

    Summed over the code, averaged over the batch; both arguments (B, Z).
    """
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1).mean()


def discriminator_loss(real: Sequence[Tensor], generated: Sequence[Tensor]) -> Tensor:
    """Log-loss of a discriminator (Equations 1 and 2): its logits on real and on generated images.

    Logits come as one tensor for each scale; scales are added up. The generated images must be detached.
    """
    losses = [F.softplus(-r).mean() + F.softplus(g).mean() for r, g in zip(real, generated, strict=True)]
    return torch.stack(losses).sum()


def adversarial_loss(generated: Sequence[Tensor]) -> Tensor:
    """Log-loss of a generator (Equations 1 and 2) in its non-saturating form: -log D(fake), scales added up."""
    return torch.stack([F.softplus(-g).mean() for g in generated]).sum()


def cycle_consistency_loss(sharp: Tensor, sharp_back: Tensor, blurred: Tensor, blurred_back: Tensor) -> Tensor:
    """|s - s^|_1 + |b - b^|_1, averaged over pixels (Equation 4); all (B, 3, H, W)."""
    return F.l1_loss(sharp_back, sharp) + F.l1_loss(blurred_back, blurred)


def perceptual_loss(restored_features: Tensor, blurred_features: Tensor) -> Tensor:
    """Mean squared distance of VGG-19 conv3_3 features of s_b and b (Equation 5); both (B, C, h, w).

    The blurred image is the reference: its content is that of the restored one.
    """
    return F.mse_loss(restored_features, blurred_features)


def restoration_losses(restored: Tensor, sharp: Tensor) -> dict[str, Tensor]:
    """L1 and squared distance of a restored image to the sharp one it was blurred from, averaged over pixels.

    These are the warm start's, not the paper's; both images (B, 3, H, W).
    """
    return {"restoration": F.l1_loss(restored, sharp), "restoration_squared": F.mse_loss(restored, sharp)}
