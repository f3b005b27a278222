"""Adversarial losses: the paper's log loss, least squares, and hinge.

Discriminators return logits, one tensor (B, 1, h, w) for each scale; losses are averaged over positions and summed over
scales. Generated images must be detached before a discriminator is trained on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

AdversarialName = Literal["log", "least_squares", "hinge"]


@dataclass(frozen=True, slots=True)
class AdversarialForm:
    """One adversarial loss, as functions of logits.

    Attributes:
        discriminator_real: The discriminator's loss on real images.
        discriminator_generated: The discriminator's loss on generated images.
        generator: The generator's loss on generated images.
    """

    discriminator_real: Callable[[Tensor], Tensor]
    discriminator_generated: Callable[[Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]

    def discriminator_loss(self, real: Sequence[Tensor], generated: Sequence[Tensor]) -> Tensor:
        """What the discriminator minimises; in the log form, the paper's adversarial term.

        Both arguments hold one tensor (B, 1, h, w) for each scale.
        """
        losses = [
            self.discriminator_real(on_real).mean() + self.discriminator_generated(on_generated).mean()
            for on_real, on_generated in zip(real, generated, strict=True)
        ]
        return torch.stack(losses).sum()

    def generator_loss(self, generated: Sequence[Tensor]) -> Tensor:
        """What the generator minimises; in the log form, the paper's adversarial term without saturation."""
        return torch.stack([self.generator(logits).mean() for logits in generated]).sum()


ADVERSARIAL_FORMS: Mapping[AdversarialName, AdversarialForm] = {
    # -log D(real) - log(1 - D(generated)), and -log D(generated), the non-saturating form (Goodfellow et al., 2014).
    "log": AdversarialForm(
        discriminator_real=lambda logits: F.softplus(-logits),
        discriminator_generated=F.softplus,
        generator=lambda logits: F.softplus(-logits),
    ),
    # Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017: targets 1 and 0.
    "least_squares": AdversarialForm(
        discriminator_real=lambda logits: (logits - 1).square(),
        discriminator_generated=torch.square,
        generator=lambda logits: (logits - 1).square(),
    ),
    # Lim and Ye, "Geometric GAN", 2017.
    "hinge": AdversarialForm(
        discriminator_real=lambda logits: F.relu(1 - logits),
        discriminator_generated=lambda logits: F.relu(1 + logits),
        generator=torch.neg,
    ),
}


def r1_penalty(logits: Sequence[Tensor], real: Tensor) -> Tensor:
    """Squared gradient of the logits at real images (Mescheder et al., ICML 2018), averaged over the batch.

    Args:
        logits: The discriminator's on ``real``.
        real: Images (B, 3, H, W) that require gradients.
    """
    total = torch.stack([scale.sum() for scale in logits]).sum()
    (gradient,) = torch.autograd.grad(total, real, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()
