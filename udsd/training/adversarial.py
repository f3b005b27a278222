"""Adversarial losses: the paper's log-loss, and the two that the field has come to prefer.

Discriminators give logits, one tensor (B, 1, h, w) for each scale; scales are added up, positions averaged. Images made
by a generator must be detached before a discriminator is trained on them.
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
    """One form of the game, as functions of logits.

    Attributes:
        real: The discriminator's loss on real images.
        generated: The discriminator's loss on generated images.
        fooled: The generator's loss on generated images.
    """

    real: Callable[[Tensor], Tensor]
    generated: Callable[[Tensor], Tensor]
    fooled: Callable[[Tensor], Tensor]

    def discriminator_loss(self, real: Sequence[Tensor], generated: Sequence[Tensor]) -> Tensor:
        """What the discriminator lowers (the paper's adversarial term, in its log form)."""
        scales = zip(real, generated, strict=True)
        return torch.stack([self.real(r).mean() + self.generated(g).mean() for r, g in scales]).sum()

    def generator_loss(self, generated: Sequence[Tensor]) -> Tensor:
        """What the generator lowers (the paper's adversarial term, in its log form)."""
        return torch.stack([self.fooled(g).mean() for g in generated]).sum()


ADVERSARIAL_FORMS: Mapping[AdversarialName, AdversarialForm] = {
    # -log D(real) - log(1 - D(generated)), and -log D(generated), the non-saturating form (Goodfellow et al., 2014).
    "log": AdversarialForm(
        real=lambda logits: F.softplus(-logits),
        generated=F.softplus,
        fooled=lambda logits: F.softplus(-logits),
    ),
    # Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017: targets 1 and 0.
    "least_squares": AdversarialForm(
        real=lambda logits: (logits - 1).square(),
        generated=torch.square,
        fooled=lambda logits: (logits - 1).square(),
    ),
    # Lim and Ye, "Geometric GAN", 2017.
    "hinge": AdversarialForm(
        real=lambda logits: F.relu(1 - logits),
        generated=lambda logits: F.relu(1 + logits),
        fooled=torch.neg,
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
