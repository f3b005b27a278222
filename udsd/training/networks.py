"""All networks of a training run, of which the inference path is a part."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from udsd.models import ContentEncoder, DeblurModel, Generator, ModelConfig
from udsd.training.discriminators import MultiScaleDiscriminator


class TrainingNetworks(nn.Module):
    """The seven networks of the paper (Figure 2).

    Attributes:
        deblur_model: E_B^c, E^b and G_S: the inference path, what a model folder holds.
        sharp_content_encoder: E_S^c. Its last residual block is that of E_B^c, so that both domains end in one
            space (Section 3.1).
        blur_generator: G_B.
        sharp_discriminator: D_S.
        blurred_discriminator: D_B.
    """

    def __init__(self, config: ModelConfig, discriminator_width: int) -> None:
        super().__init__()
        self.deblur_model = DeblurModel(config)
        self.sharp_content_encoder = ContentEncoder(config)
        self._share_last_block()
        self.blur_generator = Generator(config)
        self.sharp_discriminator = MultiScaleDiscriminator(config.image_channels, discriminator_width)
        self.blurred_discriminator = MultiScaleDiscriminator(config.image_channels, discriminator_width)

    def start_blur_branch_from_twins(self) -> None:
        """Start E_S^c and G_B from the trained E_B^c and G_S, which is nearer to them than chance."""
        self.sharp_content_encoder.load_state_dict(copy.deepcopy(self.deblur_model.content_encoder.state_dict()))
        self.blur_generator.load_state_dict(self.deblur_model.generator.state_dict())

    def inference_parameters(self) -> list[nn.Parameter]:
        """Parameters of the inference path, which the warm start trains."""
        return list(self.deblur_model.parameters())

    def generator_parameters(self) -> list[nn.Parameter]:
        """Parameters of all encoders and generators, each once."""
        networks = nn.ModuleList([self.deblur_model, self.sharp_content_encoder, self.blur_generator])
        return list(networks.parameters())

    def discriminator_parameters(self) -> list[nn.Parameter]:
        """Parameters of D_S and D_B."""
        return [*self.sharp_discriminator.parameters(), *self.blurred_discriminator.parameters()]

    def restore(self, blurred: Tensor, code: Tensor) -> Tensor:
        """G_S(E_B^c(b), z): images (B, 3, H, W) and codes (B, Z) to images (B, 3, H, W)."""
        return self.deblur_model(blurred, code)  # type: ignore[no-any-return]

    def blur(self, sharp: Tensor, code: Tensor) -> Tensor:
        """G_B(E_S^c(s), z): images (B, 3, H, W) and codes (B, Z) to images (B, 3, H, W)."""
        decoded = self.blur_generator(self.sharp_content_encoder(sharp), code)
        if self.deblur_model.config.residual_output:
            return sharp + decoded  # type: ignore[no-any-return]
        return torch.tanh(decoded)

    def _share_last_block(self) -> None:
        self.sharp_content_encoder.blocks[-1] = self.deblur_model.content_encoder.blocks[-1]
