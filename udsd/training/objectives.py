"""The losses of one training step: batches in, a flat map of named losses out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.func import functional_call

from udsd.errors import ConfigError
from udsd.evaluation.vgg import VGG19Features
from udsd.images.levels import GREY_LEVEL
from udsd.models.deblur_model import pad_image
from udsd.training.adversarial import ADVERSARIAL_FORMS, AdversarialName, r1_penalty
from udsd.training.losses import (
    LossWeights,
    cycle_consistency_loss,
    identity_loss,
    kl_divergence,
    latent_regression_loss,
    low_frequency_loss,
    perceptual_loss,
    restoration_losses,
    shrunk_to,
)
from udsd.training.networks import TrainingNetworks
from udsd.training.replay import ReplayPool

Discriminator = Callable[[Tensor], list[Tensor]]

_LARGEST_POOL = 10_000
_SMALLEST_FOR_VGG = 16
"""Pixels a side; the features are a quarter of that."""


@dataclass(frozen=True, slots=True)
class ObjectiveConfig:
    """How the losses are computed. The defaults are the paper's. All but ``perceptual_size`` are of the unpaired ones.

    Attributes:
        adversarial: ``"log"``, ``"least_squares"`` or ``"hinge"``.
        detach_blurred: Detach b_s before it is restored to s^. With its gradient G_B learns to hide the sharp image in
            b_s, which satisfies cycle consistency without any restoration.
        blurred_noise: Standard deviation, in grey levels of 255, of noise added to b_s before it is restored to s^. It
            covers what G_B could hide in faint differences.
        perceptual_before_relu: Take the features of the unpaired perceptual losses before the ReLU of VGG-19 conv3_3,
            as the authors' released code does, not after it.
        perceptual_size: Shrink images to this many pixels a side before VGG-19 sees them, in all perceptual losses; 0,
            as in the paper, leaves them as they are.
        perceptual_reference: What s_b is compared with in the unpaired perceptual loss: ``"blurred"``, b, which has its
            content, as in the paper; or ``"sharp"``, s, which is sharp but shows something else. For comparison only.
        latent_trains_encoder: Whether E^b learns from the latent regression. In the authors' released code it does not:
            only G_B and E_S^c do.
        random_half: Encode only the first half of each batch; the discriminators of images with random codes get the
            other half as their real images. As in the authors' released code, where the halves are one image each.
        replay_pool: Number of earlier generated images that are kept and mixed into the discriminators' batches; 0, as
            in the paper, for none.
    """

    adversarial: AdversarialName = "log"
    detach_blurred: bool = False
    blurred_noise: float = 0.0
    perceptual_before_relu: bool = False
    perceptual_size: int = 0
    perceptual_reference: Literal["blurred", "sharp"] = "blurred"
    latent_trains_encoder: bool = True
    random_half: bool = False
    replay_pool: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.blurred_noise <= 255:
            raise ConfigError(f"blurred_noise is {self.blurred_noise}; give 0 to 255 grey levels")
        if self.perceptual_size and self.perceptual_size < _SMALLEST_FOR_VGG:
            raise ConfigError(
                f"perceptual_size is {self.perceptual_size}; give {_SMALLEST_FOR_VGG} pixels or more, or 0 for the "
                "size of the crops"
            )
        if not 0 <= self.replay_pool <= _LARGEST_POOL:
            raise ConfigError(f"replay_pool is {self.replay_pool}; give 0 to {_LARGEST_POOL} images")


@dataclass(frozen=True, slots=True)
class Translations:
    """The images of one unpaired step, all (B, 3, H, W), and the codes, (B, Z).

    Attributes:
        restored: s_b, the blurred batch without its blur.
        blurred: b_s, the sharp batch with that blur.
        sharp_back: s^, the sharp batch after its round trip.
        blurred_back: b^, the blurred batch after its round trip.
        code: z_b, drawn from the distribution that E^b gives for the blurred batch.
        code_mean: Mean of that distribution.
        code_log_variance: Log-variance of that distribution.
        random_code: A code drawn from a standard normal. It and the next two are None unless a loss needs them.
        random_restored: The blurred batch restored with it.
        random_blurred: The sharp batch blurred with it.
    """

    restored: Tensor
    blurred: Tensor
    sharp_back: Tensor
    blurred_back: Tensor
    code: Tensor
    code_mean: Tensor
    code_log_variance: Tensor
    random_code: Tensor | None = None
    random_restored: Tensor | None = None
    random_blurred: Tensor | None = None


def warm_start_losses(
    networks: TrainingNetworks,
    sharp: Tensor,
    blurred: Tensor,
    vgg: VGG19Features | None = None,
    perceptual_size: int = 0,
    target: Tensor | None = None,
) -> dict[str, Tensor]:
    """Restore sharp images from synthetically blurred versions of them; both (B, 3, H, W) in [-1, 1].

    With ``vgg`` there is a perceptual loss as well, of images of ``ObjectiveConfig.perceptual_size``. With ``target``,
    of the same shape, pixels are compared with it instead of with the sharp images (`udsd.training.teacher`).
    """
    code, mean, log_variance = networks.draw_code(blurred)
    restored = networks.restore(blurred, code)
    losses = restoration_losses(restored.float(), sharp if target is None else target) | {
        "kl": kl_divergence(mean, log_variance)
    }
    if vgg is not None:
        features = [vgg(shrunk_to(images, perceptual_size)) for images in (restored, sharp)]
        losses["restoration_perceptual"] = perceptual_loss(*features)
    return losses


class UnpairedObjective:
    """The paper's unpaired objective, and the further losses that have a weight.

    Args:
        networks: All networks.
        config: How losses are computed.
        weights: Those of the losses; optional losses of weight 0 are not computed.
        vgg: VGG-19; without it there is no perceptual loss, whatever its weight.
    """

    def __init__(
        self,
        networks: TrainingNetworks,
        config: ObjectiveConfig,
        weights: LossWeights,
        vgg: VGG19Features | None = None,
    ) -> None:
        self._networks = networks
        self._config = config
        self._weights = weights
        self._vgg = vgg
        self._form = ADVERSARIAL_FORMS[config.adversarial]

    def split(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images to encode, and real ones for the discriminators of random codes: a batch twice, or its halves."""
        if not self._config.random_half:
            return images, images
        middle = len(images) // 2
        return images[:middle], images[middle:]

    def translate(self, sharp: Tensor, blurred: Tensor) -> Translations:
        """Swap the blur of an unpaired sharp and blurred batch, then swap it back."""
        networks = self._networks
        code, mean, log_variance = networks.draw_code(blurred)
        restored = networks.restore(blurred, code)
        newly_blurred = networks.blur(sharp, code)
        returning = self._prepare_return(newly_blurred)
        code_back, _, _ = networks.draw_code(returning)
        random_code = torch.randn_like(code) if self._needs_random_code else None
        return Translations(
            restored=restored,
            blurred=newly_blurred,
            sharp_back=networks.restore(returning, code_back),
            blurred_back=networks.reblur(restored, code_back),
            code=code,
            code_mean=mean,
            code_log_variance=log_variance,
            random_code=random_code,
            random_restored=None if random_code is None else networks.restore(blurred, random_code),
            random_blurred=None if random_code is None else networks.blur(sharp, random_code),
        )

    def generator_losses(self, sharp: Tensor, blurred: Tensor, images: Translations) -> dict[str, Tensor]:
        """The named losses of encoders and generators."""
        networks, weights, adversarial_loss = self._networks, self._weights, self._form.generator_loss
        losses = {
            "adversarial_sharp": adversarial_loss(networks.sharp_discriminator(images.restored)),
            "adversarial_blurred": adversarial_loss(networks.blurred_discriminator(images.blurred)),
            "cycle_sharp": cycle_consistency_loss(sharp, images.sharp_back),
            "cycle_blurred": cycle_consistency_loss(blurred, images.blurred_back),
            "kl": kl_divergence(images.code_mean, images.code_log_variance),
        }
        if weights.perceptual and self._vgg is not None:
            reference = blurred if self._config.perceptual_reference == "blurred" else sharp
            losses["perceptual"] = self._perceptual(self._vgg, images.restored, reference)
        if weights.random_perceptual and self._vgg is not None and images.random_restored is not None:
            losses["random_perceptual"] = self._perceptual(self._vgg, images.random_restored, blurred)
        if weights.low_frequency:
            losses["low_frequency"] = low_frequency_loss(images.restored, blurred)
        if weights.identity:
            losses["identity"] = self._identity(sharp, blurred, images.code)
        if weights.random_code and images.random_restored is not None and images.random_blurred is not None:
            sharp_discriminator, blurred_discriminator = networks.random_discriminators
            losses["random_code"] = adversarial_loss(sharp_discriminator(images.random_restored)) + adversarial_loss(
                blurred_discriminator(images.random_blurred)
            )
        if weights.latent and images.random_code is not None and images.random_blurred is not None:
            losses["latent"] = latent_regression_loss(images.random_code, self._encoded(images.random_blurred))
        return losses

    def discriminator_losses(
        self,
        sharp: Tensor,
        blurred: Tensor,
        images: Translations,
        pools: Sequence[ReplayPool] = (),
        others: tuple[Tensor, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """The losses of all discriminators, by name; generated images are detached here.

        Args:
            sharp: Real sharp images (B, 3, H, W).
            blurred: Real blurred images (B, 3, H, W).
            images: What `translate` made of them.
            pools: Pools of earlier images s_b and b_s, or none.
            others: Real sharp and blurred images for the discriminators of random codes, if they are to be others.
        """
        networks = self._networks
        generated = [images.restored, images.blurred]
        if pools:
            generated = [pool.exchange(newest) for pool, newest in zip(pools, generated, strict=True)]
        losses = {
            "discriminator_sharp": self._discriminator_loss(networks.sharp_discriminator, sharp, generated[0]),
            "discriminator_blurred": self._discriminator_loss(networks.blurred_discriminator, blurred, generated[1]),
        }
        if self._weights.random_code and images.random_restored is not None and images.random_blurred is not None:
            sharp_discriminator, blurred_discriminator = networks.random_discriminators
            real_sharp, real_blurred = others or (sharp, blurred)
            losses["discriminator_random"] = self._discriminator_loss(
                sharp_discriminator, real_sharp, images.random_restored
            ) + self._discriminator_loss(blurred_discriminator, real_blurred, images.random_blurred)
        return losses

    @property
    def _needs_random_code(self) -> bool:
        return bool(self._weights.random_code or self._weights.latent or self._weights.random_perceptual)

    def _perceptual(self, vgg: VGG19Features, restored: Tensor, reference: Tensor) -> Tensor:
        config = self._config
        features = (
            vgg(shrunk_to(images, config.perceptual_size), rectified=not config.perceptual_before_relu)
            for images in (restored, reference)
        )
        return perceptual_loss(*features)

    def _encoded(self, blurred: Tensor) -> Tensor:
        """Mean of the blur code of images, with a gradient for E^b only where the settings say so."""
        model = self._networks.deblur_model
        if self._config.latent_trains_encoder:
            return model.encode_blur(blurred)[0]
        weights = {name: value.detach() for name, value in model.blur_encoder.named_parameters()}
        mean, _ = functional_call(model.blur_encoder, weights, pad_image(blurred))
        return mean  # type: ignore[no-any-return]

    def _prepare_return(self, newly_blurred: Tensor) -> Tensor:
        if self._config.detach_blurred:
            newly_blurred = newly_blurred.detach()
        if self._config.blurred_noise:
            level = self._config.blurred_noise * GREY_LEVEL
            newly_blurred = newly_blurred + level * torch.randn_like(newly_blurred)
        return newly_blurred

    def _identity(self, sharp: Tensor, blurred: Tensor, code: Tensor) -> Tensor:
        on_sharp = identity_loss(sharp, self._networks.reconstruct_sharp(sharp, code))
        if not self._networks.has_blur_network:
            return on_sharp  # a camera path decodes no content: blurred images have no reconstruction
        return on_sharp + identity_loss(blurred, self._networks.reconstruct_blurred(blurred, code))

    def _discriminator_loss(self, discriminator: Discriminator, real: Tensor, generated: Tensor) -> Tensor:
        if not self._weights.r1:
            return self._form.discriminator_loss(discriminator(real), discriminator(generated.detach()))
        real = real.detach().requires_grad_()
        logits = discriminator(real)
        loss = self._form.discriminator_loss(logits, discriminator(generated.detach()))
        return loss + self._weights.r1 * r1_penalty(logits, real)
