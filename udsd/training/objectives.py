"""What one training step computes: batches in, a flat map of named losses out."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from udsd.models import reparameterize
from udsd.training.losses import (
    adversarial_loss,
    cycle_consistency_loss,
    discriminator_loss,
    kl_divergence,
    restoration_losses,
)
from udsd.training.networks import TrainingNetworks


@dataclass(frozen=True, slots=True)
class Translations:
    """The images of one unpaired step (paper, Section 3.4), all (B, 3, H, W).

    Attributes:
        restored: s_b, the blurred batch without its blur.
        blurred: b_s, the sharp batch with that blur.
        sharp_back: s^, the sharp batch after its round trip.
        blurred_back: b^, the blurred batch after its round trip.
        code_mean: Mean of the code of the blurred batch, (B, Z).
        code_log_variance: Log-variance of that code, (B, Z).
    """

    restored: Tensor
    blurred: Tensor
    sharp_back: Tensor
    blurred_back: Tensor
    code_mean: Tensor
    code_log_variance: Tensor


def warm_start_losses(networks: TrainingNetworks, sharp: Tensor, blurred: Tensor) -> dict[str, Tensor]:
    """Restore sharp images from synthetically blurred versions of them; both (B, 3, H, W) in [-1, 1]."""
    mean, log_variance = networks.deblur_model.encode_blur(blurred)
    restored = networks.restore(blurred, reparameterize(mean, log_variance))
    return restoration_losses(restored.float(), sharp) | {"kl": kl_divergence(mean, log_variance)}


def translate(networks: TrainingNetworks, sharp: Tensor, blurred: Tensor) -> Translations:
    """Swap the blur of an unpaired sharp and blurred batch, then swap it back (paper, Section 3.4)."""
    mean, log_variance = networks.deblur_model.encode_blur(blurred)
    code = reparameterize(mean, log_variance)
    restored = networks.restore(blurred, code)
    newly_blurred = networks.blur(sharp, code)
    code_back = reparameterize(*networks.deblur_model.encode_blur(newly_blurred))
    return Translations(
        restored=restored,
        blurred=newly_blurred,
        sharp_back=networks.restore(newly_blurred, code_back),
        blurred_back=networks.blur(restored, code_back),
        code_mean=mean,
        code_log_variance=log_variance,
    )


def generator_losses(
    networks: TrainingNetworks, sharp: Tensor, blurred: Tensor, images: Translations
) -> dict[str, Tensor]:
    """The named losses of encoders and generators (paper, Section 3.5, without the perceptual term)."""
    fooled = adversarial_loss(networks.sharp_discriminator(images.restored))
    fooled = fooled + adversarial_loss(networks.blurred_discriminator(images.blurred))
    return {
        "adversarial": fooled,
        "cycle": cycle_consistency_loss(sharp, images.sharp_back, blurred, images.blurred_back),
        "kl": kl_divergence(images.code_mean, images.code_log_variance),
    }


def discriminator_losses(
    networks: TrainingNetworks, sharp: Tensor, blurred: Tensor, images: Translations
) -> dict[str, Tensor]:
    """The log-losses of D_S and D_B; the generated images are detached here."""
    judge_sharp, judge_blurred = networks.sharp_discriminator, networks.blurred_discriminator
    return {
        "discriminator_sharp": discriminator_loss(judge_sharp(sharp), judge_sharp(images.restored.detach())),
        "discriminator_blurred": discriminator_loss(judge_blurred(blurred), judge_blurred(images.blurred.detach())),
    }
