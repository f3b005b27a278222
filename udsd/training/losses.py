"""The losses of encoders and generators, one function each, and their weights.

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
    """Weight of each named loss. The defaults are the paper's.

    A loss that the paper does not have is not computed while its weight is 0.

    Attributes:
        adversarial_sharp: Loss of s_b against the discriminator of sharp images.
        adversarial_blurred: Loss of b_s against the discriminator of blurred images.
        cycle_sharp: L1 distance of s to s^, s after its round trip.
        cycle_blurred: L1 distance of b to b^, b after its round trip. The paper has one weight for both.
        kl: Divergence of the blur code from a standard normal.
        perceptual: Distance of VGG-19 conv3_3 features of b and s_b; needs VGG weights. Not used for text.
        random_perceptual: The same distance of b and the image restored from it with a random code; needs VGG weights.
            Not in the paper; 0.1 in the authors' released code.
        identity: L1 distance of G_S(E_S^c(s), z) to s and of G_B(E_B^c(b), z) to b. Not in the paper; 10 in the
            authors' released code.
        random_code: Adversarial loss of images generated with a random code, which have discriminators of their own.
            Not in the paper; 1 in the released code.
        latent: L1 distance of a random code to E^b of the image blurred with it. Not in the paper; 10 in the released
            code.
        low_frequency: L1 distance of s_b to b, both shrunk eightfold. Blur changes little at that size, so that the
            loss penalises inverted and tinted output. Not in the paper.
        r1: Squared gradient of the discriminators at real images. Not in the paper.
        restoration: L1 distance of the warm start's restored images to the sharp ones. Not in the paper.
        restoration_squared: Mean squared distance of the same images. Where the blur cannot be undone, L1 alone is
            minimised by the median of the possible images, which on a page is white paper: faint strokes vanish. The
            squared distance is minimised by their mean, which keeps them grey.
        restoration_perceptual: Distance of VGG-19 conv3_3 features of the same images; needs VGG weights. It keeps fine
            texture, which the squared distance smooths away.
    """

    adversarial_sharp: float = 1.0
    adversarial_blurred: float = 1.0
    cycle_sharp: float = 10.0
    cycle_blurred: float = 10.0
    kl: float = 0.01
    perceptual: float = 0.1
    random_perceptual: float = 0.0
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
    """The objective: the sum of all losses, each times the weight of its name."""
    return torch.stack([getattr(weights, name) * loss for name, loss in losses.items()]).sum()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, sigma^2) || N(0, 1)) = 1/2 sum(mean^2 + sigma^2 - log sigma^2 - 1): the paper's KL term.

    Summed over the code, averaged over the batch; both arguments (B, Z).
    """
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1).mean()


def cycle_consistency_loss(image: Tensor, back: Tensor) -> Tensor:
    """|s - s^|_1 or |b - b^|_1, averaged over pixels: half of the paper's cycle-consistency term.

    Args:
        image: s or b (B, 3, H, W).
        back: s^ or b^, the image after its round trip; the same shape.
    """
    return F.l1_loss(back, image)


def perceptual_loss(restored_features: Tensor, reference_features: Tensor) -> Tensor:
    """Mean squared distance of VGG-19 conv3_3 features, the paper's perceptual term; both (B, C, h, w).

    In the unpaired stage the reference is the blurred image b, as in the paper: s_b has its content, and no other image
    of that content is known.
    """
    return F.mse_loss(restored_features, reference_features)


def shrunk_to(images: Tensor, size: int) -> Tensor:
    """Images (B, 3, H, W) shrunk to a shorter side of ``size`` pixels, as float32.

    They are returned as they are if ``size`` is 0 or not smaller than their own.
    """
    shorter = min(images.shape[-2:])
    if not 0 < size < shorter:
        return images
    sides = [round(side * size / shorter) for side in images.shape[-2:]]
    return F.interpolate(images.float(), size=sides, mode="bilinear", antialias=True)


def restoration_losses(restored: Tensor, sharp: Tensor) -> dict[str, Tensor]:
    """L1 and squared distance of a restored image to the sharp one it was blurred from, averaged over pixels.

    They are the warm start's, not the paper's. Both images are (B, 3, H, W).
    """
    return {"restoration": F.l1_loss(restored, sharp), "restoration_squared": F.mse_loss(restored, sharp)}


def identity_loss(image: Tensor, reconstructed: Tensor) -> Tensor:
    """L1 distance of an image to its reconstruction by the networks of its own domain; both (B, 3, H, W)."""
    return F.l1_loss(reconstructed, image)


def latent_regression_loss(code: Tensor, encoded: Tensor) -> Tensor:
    """L1 distance of a random blur code to the mean that E^b gives for the image blurred with it; both (B, Z)."""
    return F.l1_loss(encoded, code)


def low_frequency_loss(restored: Tensor, blurred: Tensor, factor: int = 8) -> Tensor:
    """L1 distance of two images (B, 3, H, W) after averaging over squares of ``factor`` by ``factor`` pixels."""
    return F.l1_loss(F.avg_pool2d(restored, factor), F.avg_pool2d(blurred, factor))
