"""All networks of a training run, of which the inference path is a part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from udsd.errors import ConfigError
from udsd.models import ContentEncoder, DeblurModel, Generator, ModelConfig
from udsd.training.discriminators import MultiScaleDiscriminator
from udsd.training.kernel_branch import KernelGenerator

_WIDEST_KERNEL = 127


@dataclass(frozen=True, slots=True)
class BranchConfig:
    """The networks that only training has. The defaults are the paper's.

    Attributes:
        blur: ``"network"``, the paper's G_B; or ``"kernel"``, where the code is decoded into one blur kernel for the
            whole image: far less to learn, and nothing to hide the sharp image in, where blur is uniform.
        kernel_size: Side of those kernels in pixels, odd.
        share_generator_block: G_S and G_B share their first residual block, as in the authors' released code.
        discriminator_width: Channels of the discriminators' first convolution.
    """

    blur: Literal["network", "kernel"] = "network"
    kernel_size: int = 31
    share_generator_block: bool = False
    discriminator_width: int = 64

    def __post_init__(self) -> None:
        if self.kernel_size % 2 == 0 or not 3 <= self.kernel_size <= _WIDEST_KERNEL:
            raise ConfigError(f"kernel_size is {self.kernel_size}; give an odd number from 3 to {_WIDEST_KERNEL}")
        if not 1 <= self.discriminator_width <= 256:
            raise ConfigError(f"discriminator_width is {self.discriminator_width}; give 1 to 256")
        if self.share_generator_block and self.blur == "kernel":
            raise ConfigError("share_generator_block needs blur = 'network': a kernel has no residual blocks to share")


class TrainingNetworks(nn.Module):
    """The networks of the paper, and those of its variants.

    Attributes:
        deblur_model: E_B^c, E^b and G_S: the inference path, what a model folder holds.
        sharp_content_encoder: E_S^c. Its last residual block is that of E_B^c, so that both domains end in one
            space of content.
        blur_generator: G_B, or the decoder of kernels in its place.
        sharp_discriminator: D_S.
        blurred_discriminator: D_B.
        random_discriminators: A second D_S and D_B for images made with random codes; none unless asked for.
    """

    def __init__(self, config: ModelConfig, branches: BranchConfig, *, random_code: bool = False) -> None:
        super().__init__()
        self.deblur_model = DeblurModel(config)
        self.sharp_content_encoder = ContentEncoder(config)
        self.sharp_content_encoder.blocks[-1] = self.deblur_model.content_encoder.blocks[-1]
        self.blur_generator: Generator | KernelGenerator
        if branches.blur == "kernel":
            self.blur_generator = KernelGenerator(config.blur_code_size, branches.kernel_size)
        else:
            self.blur_generator = Generator(config)
            if branches.share_generator_block:
                self.blur_generator.blocks[0] = self.deblur_model.generator.blocks[0]

        def discriminator() -> MultiScaleDiscriminator:
            return MultiScaleDiscriminator(config.image_channels, branches.discriminator_width)

        self.sharp_discriminator = discriminator()
        self.blurred_discriminator = discriminator()
        self.random_discriminators = nn.ModuleList([discriminator(), discriminator()] if random_code else [])

    @property
    def has_blur_network(self) -> bool:
        """Whether G_B is a network, as in the paper, rather than a kernel."""
        return isinstance(self.blur_generator, Generator)

    def start_blur_branch_from_twins(self) -> None:
        """Start E_S^c and G_B from the trained E_B^c and G_S, which is nearer to them than chance."""
        self.sharp_content_encoder.load_state_dict(self.deblur_model.content_encoder.state_dict())
        if isinstance(self.blur_generator, Generator):
            self.blur_generator.load_state_dict(self.deblur_model.generator.state_dict())

    def inference_parameters(self) -> list[nn.Parameter]:
        """Parameters of the inference path, which the warm start trains."""
        return list(self.deblur_model.parameters())

    def generator_parameters(self) -> list[nn.Parameter]:
        """Parameters of all encoders and generators, each once."""
        networks = nn.ModuleList([self.deblur_model, self.sharp_content_encoder, self.blur_generator])
        return list(networks.parameters())

    def discriminator_parameters(self) -> list[nn.Parameter]:
        """Parameters of all discriminators."""
        networks = nn.ModuleList([self.sharp_discriminator, self.blurred_discriminator, self.random_discriminators])
        return list(networks.parameters())

    def restore(self, blurred: Tensor, code: Tensor) -> Tensor:
        """G_S(E_B^c(b), z): images (B, 3, H, W) and codes (B, Z) to images (B, 3, H, W)."""
        return self.deblur_model(blurred, code)  # type: ignore[no-any-return]

    def blur(self, sharp: Tensor, code: Tensor) -> Tensor:
        """G_B(E_S^c(s), z): images (B, 3, H, W) and codes (B, Z) to images (B, 3, H, W)."""
        if isinstance(self.blur_generator, KernelGenerator):
            return self.blur_generator(sharp, code)  # type: ignore[no-any-return]
        return self._finish(sharp, self.blur_generator(self.sharp_content_encoder(sharp), code))

    def keep_sharp(self, sharp: Tensor, code: Tensor) -> Tensor:
        """G_S(E_S^c(s), z): a sharp image decoded in its own domain."""
        return self._finish(sharp, self.deblur_model.generator(self.sharp_content_encoder(sharp), code))

    def keep_blurred(self, blurred: Tensor, code: Tensor) -> Tensor:
        """G_B(E_B^c(b), z): a blurred image decoded in its own domain; needs the network G_B."""
        return self._finish(blurred, self.blur_generator(self.deblur_model.content_encoder(blurred), code))

    def _finish(self, image: Tensor, decoded: Tensor) -> Tensor:
        return image + decoded if self.deblur_model.config.residual_output else torch.tanh(decoded)
