"""The losses of encoders and generators, one function each, and the one map of their weights.

The adversarial losses are in `udsd.training.adversarial`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from udsd.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weight of each named loss. The defaults are the paper's; a loss beyond it is not computed while its weight is 0.

    Attributes:
        adversarial_sharp: Loss of s_b against the discriminator of sharp images.
        adversarial_blurred: Loss of b_s against the discriminator of blurred images.
        cycle_sharp: L1 distance of s to s^, which comes back from its round trip.
        cycle_blurred: L1 distance of b to b^. The paper has one weight for both.
        kl: Divergence of the blur code from a standard normal.
        perceptual: Distance of VGG-19 conv3_3 features of b and s_b; needs VGG weights. Not used for text.
        identity: L1 distance of G_S(E_S^c(s), z) to s and of G_B(E_B^c(b), z) to b. Not in the paper; 10 in the
            authors' released code.
        random_code: Loss of images made with a random code against discriminators of their own. Not in the paper; 1 in
            the released code.
        latent: L1 distance of a random code to E^b of the image blurred with it. Not in the paper; 10 in the released
            code.
        low_frequency: L1 distance of s_b to b, both shrunk eightfold: blur keeps what is left then, so that an
            inverted or tinted output has a price. Not in the paper.
        r1: Squared gradient of the discriminators at real images. Not in the paper.
        restoration: L1 distance of the warm start, which is not in the paper.
        restoration_squared: Squared distance of the warm start. L1 alone answers a blur it cannot undo with the
            median, which on a page is white paper: hard strokes fade. The square's answer is the mean, which keeps
            their grey, as the blur itself does.
        restoration_perceptual: Distance of VGG-19 conv3_3 features of the warm start's restored and sharp images;
            needs VGG weights. Fine texture, which the squared distance smooths away, has a price in it.
    """

    adversarial_sharp: float = 1.0
    adversarial_blurred: float = 1.0
    cycle_sharp: float = 10.0
    cycle_blurred: float = 10.0
    kl: float = 0.01
    perceptual: float = 0.1
    identity: float = 0.0
    random_code: float = 0.0
    latent: float = 0.0
    low_frequency: float = 0.0
    r1: float = 0.0
    restoration: float = 2.5
    restoration_squared: float = 10.0
    restoration_perceptual: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < math.inf:
                raise ConfigError(f"the weight of the {field.name} loss is {value!r}; give a number of 0 or more")


def weighted_sum(losses: Mapping[str, Tensor], weights: LossWeights) -> Tensor:
    """The objective: every named loss times the weight of that name."""
    return torch.stack([getattr(weights, name) * loss for name, loss in losses.items()]).sum()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, sigma^2) || N(0, 1)) = 1/2 sum(mean^2 + sigma^2 - log sigma^2 - 1): the paper's KL term.

    Summed over the code, averaged over the batch; both arguments (B, Z).
    """
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1).mean()


def cycle_consistency_loss(image: Tensor, back: Tensor) -> Tensor:
    """|s - s^|_1 or |b - b^|_1, averaged over pixels: half of the paper's cycle-consistency term; (B, 3, H, W)."""
    return F.l1_loss(back, image)


def perceptual_loss(restored_features: Tensor, reference_features: Tensor) -> Tensor:
    """Mean squared distance of VGG-19 conv3_3 features, the paper's perceptual term; both (B, C, h, w).

    In the unpaired stage the reference is the blurred image b, whose content is that of the restored s_b.
    """
    return F.mse_loss(restored_features, reference_features)


def restoration_losses(restored: Tensor, sharp: Tensor) -> dict[str, Tensor]:
    """L1 and squared distance of a restored image to the sharp one it was blurred from, averaged over pixels.

    These are the warm start's, not the paper's; both images (B, 3, H, W).
    """
    return {"restoration": F.l1_loss(restored, sharp), "restoration_squared": F.mse_loss(restored, sharp)}


def identity_loss(image: Tensor, decoded: Tensor) -> Tensor:
    """L1 distance of an image to its own content decoded in its own domain; both (B, 3, H, W)."""
    return F.l1_loss(decoded, image)


def latent_regression_loss(code: Tensor, encoded: Tensor) -> Tensor:
    """L1 distance of a drawn blur code to that encoded from the image blurred with it; both (B, Z)."""
    return F.l1_loss(encoded, code)


def low_frequency_loss(restored: Tensor, blurred: Tensor, factor: int = 8) -> Tensor:
    """L1 distance of both images (B, 3, H, W) averaged over squares of ``factor`` pixels."""
    return F.l1_loss(F.avg_pool2d(restored, factor), F.avg_pool2d(blurred, factor))
