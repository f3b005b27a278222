"""All networks of a training run, those of the inference path included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from udsd.errors import ConfigError
from udsd.models import ContentEncoder, DeblurModel, Generator, ModelConfig, compose, reparameterize
from udsd.training.discriminators import MultiScaleDiscriminator
from udsd.training.initialisation import Initialisation, initialise
from udsd.training.path_branch import PathBlurGenerator

_WIDEST_KERNEL = 127
_LARGEST_NOISE = 10.0


@dataclass(frozen=True, slots=True)
class BranchConfig:
    """The networks that only training has. The defaults are the paper's.

    Attributes:
        blur: ``"network"``, the paper's G_B; or ``"path"``, which decodes the code into a camera path and the level of
            the sensor's noise. Where blur is uniform over the image, that is far less to learn, and it cannot hide the
            sharp image in the blurred one.
        kernel_size: Side in pixels, odd, of the kernels of those paths.
        blur_encoder: If false, there is no E^b: every image has the code 0, in training and in the exported model. For
            comparison only.
        share_generator_block: G_S and G_B share their first residual block, as in the authors' released code.
        content_noise: Standard deviation of Gaussian noise that is added to the content features in training; 1 in the
            authors' released code.
        generator_init: How the weights of the encoders and generators are initialised: ``"default"``, as PyTorch does;
            ``"normal"``, with a standard deviation of 0.02; or ``"kaiming"``. A run that starts from a model (``init``)
            has its weights instead.
        discriminator_width: Channels of the discriminators' first convolution; if not set, those of the generators.
            Discriminators of width 64 beside networks of width 32 take a fifth of a step.
        discriminator_kernel: Side of their kernels in pixels: 3, or 4 as in the authors' released code.
        discriminator_init: How their weights are initialised: ``"default"``, as PyTorch does; ``"normal"``, with a
            standard deviation of 0.02 as in CycleGAN; or ``"kaiming"``, which keeps the variance from layer to layer.
    """

    blur: Literal["network", "path"] = "network"
    kernel_size: int = 65
    blur_encoder: bool = True
    share_generator_block: bool = False
    content_noise: float = 0.0
    generator_init: Initialisation = "default"
    discriminator_width: int | None = None
    discriminator_kernel: int = 3
    discriminator_init: Initialisation = "default"

    def __post_init__(self) -> None:
        if self.kernel_size % 2 == 0 or not 3 <= self.kernel_size <= _WIDEST_KERNEL:
            raise ConfigError(f"kernel_size is {self.kernel_size}; give an odd number from 3 to {_WIDEST_KERNEL}")
        if self.discriminator_width is not None and not 1 <= self.discriminator_width <= 256:
            raise ConfigError(f"discriminator_width is {self.discriminator_width}; give 1 to 256")
        if self.share_generator_block and self.blur == "path":
            raise ConfigError("share_generator_block needs blur = 'network': a path has no residual blocks to share")
        if not 0 <= self.content_noise <= _LARGEST_NOISE:
            raise ConfigError(f"content_noise is {self.content_noise}; give a number from 0 to {_LARGEST_NOISE:g}")
        if self.discriminator_kernel not in (3, 4):
            raise ConfigError(f"discriminator_kernel is {self.discriminator_kernel}; give 3 or 4")


class TrainingNetworks(nn.Module):
    """The networks of the paper, and those of its variants.

    Attributes:
        deblur_model: E_B^c, E^b and G_S: the inference path, what a model folder holds.
        sharp_content_encoder: E_S^c. Its last residual block is that of E_B^c, so that both domains end in one
            space of content.
        blur_generator: G_B, or the decoder of camera paths in its place.
        sharp_discriminator: D_S.
        blurred_discriminator: D_B.
        random_discriminators: A second D_S and D_B for images generated with random codes; empty unless asked for.
    """

    def __init__(self, config: ModelConfig, branches: BranchConfig, *, random_code: bool = False) -> None:
        super().__init__()
        self.deblur_model = DeblurModel(config)
        self.sharp_content_encoder = ContentEncoder(config)
        self.sharp_content_encoder.blocks[-1] = self.deblur_model.content_encoder.blocks[-1]
        self.blur_generator: Generator | PathBlurGenerator
        if branches.blur == "path":
            self.blur_generator = PathBlurGenerator(config.blur_code_size, branches.kernel_size)
        else:
            self.blur_generator = Generator(config)
            if branches.share_generator_block:
                self.blur_generator.blocks[0] = self.deblur_model.generator.blocks[0]
        self._initialise_generators(branches.generator_init)
        self._has_blur_encoder, self._content_noise = branches.blur_encoder, branches.content_noise

        width = branches.discriminator_width or config.base_width

        def discriminator() -> MultiScaleDiscriminator:
            return MultiScaleDiscriminator(
                width, kernel_size=branches.discriminator_kernel, init=branches.discriminator_init
            )

        self.sharp_discriminator = discriminator()
        self.blurred_discriminator = discriminator()
        self.random_discriminators = nn.ModuleList([discriminator(), discriminator()] if random_code else [])

    @property
    def has_blur_network(self) -> bool:
        """Whether G_B is a network, as in the paper, rather than a path."""
        return isinstance(self.blur_generator, Generator)

    @property
    def has_blur_encoder(self) -> bool:
        """Whether E^b gives each image a code of its own."""
        return self._has_blur_encoder

    def silence_blur_encoder(self) -> None:
        """Make E^b give the code 0 for every image, so that the exported model does what was trained without E^b."""
        for parameter in self.deblur_model.blur_encoder.statistics.parameters():
            nn.init.zeros_(parameter)

    def initialise_blur_branch(self) -> None:
        """Copy the trained E_B^c and G_S, of the same shapes, to E_S^c and G_B: a better start than random weights."""
        self.sharp_content_encoder.load_state_dict(self.deblur_model.content_encoder.state_dict())
        if isinstance(self.blur_generator, Generator):
            self.blur_generator.load_state_dict(self.deblur_model.generator.state_dict())

    def compile_parts(self) -> None:
        """Compile each network in place, at its first use; the names of its parameters do not change."""
        model = self.deblur_model
        parts = [model.content_encoder, model.blur_encoder, model.generator, self.sharp_content_encoder]
        parts += [self.sharp_discriminator, self.blurred_discriminator, *self.random_discriminators]
        for part in [*parts, self.blur_generator]:
            part.compile()

    def training_state(self) -> dict[str, Tensor]:
        """The tensors that a model folder does not hold: all but the inference path and what is shared with it."""
        inference = {tensor.data_ptr() for tensor in self.deblur_model.state_dict().values()}
        return {name: tensor for name, tensor in self.state_dict().items() if tensor.data_ptr() not in inference}

    def load_training_state(self, state: Mapping[str, Tensor]) -> None:
        """Load what `training_state` returned.

        Raises:
            ConfigError: It is that of other networks; the message names the first tensor that does not fit.
        """
        own = self.training_state()
        for name in sorted(own.keys() | state.keys()):
            if name not in own or name not in state or own[name].shape != state[name].shape:
                raise ConfigError(
                    f"the training state does not fit the run's networks: {name} is {_shape(state.get(name))} in the "
                    f"file and {_shape(own.get(name))} in the run; train with the [branches] and losses it was made "
                    "with, or remove the file"
                )
        self.load_state_dict(state, strict=False)

    def inference_parameters(self) -> list[nn.Parameter]:
        """Parameters of the inference path, which the warm start trains."""
        return list(self.deblur_model.parameters())

    def generator_parameters(self) -> list[nn.Parameter]:
        """Parameters of all encoders and generators, shared ones once."""
        networks = nn.ModuleList([self.deblur_model, self.sharp_content_encoder, self.blur_generator])
        return list(networks.parameters())

    def discriminator_parameters(self) -> list[nn.Parameter]:
        """Parameters of all discriminators."""
        networks = nn.ModuleList([self.sharp_discriminator, self.blurred_discriminator, self.random_discriminators])
        return list(networks.parameters())

    def draw_code(self, blurred: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draw z_b from E^b(b); returns it with the mean and the log-variance, all (B, Z). Without E^b all are 0.

        Images are (B, 3, H, W) in [-1, 1].
        """
        if not self._has_blur_encoder:
            zero = torch.zeros(len(blurred), self.deblur_model.config.blur_code_size, device=blurred.device)
            return zero, zero, zero
        mean, log_variance = self.deblur_model.encode_blur(blurred)
        return reparameterize(mean, log_variance), mean, log_variance

    def restore(self, blurred: Tensor, code: Tensor) -> Tensor:
        """G_S(E_B^c(b), z): images (B, 3, H, W) and codes (B, Z) to images (B, 3, H, W).

        H and W are multiples of 4 here and below.
        """
        return self._decode(blurred, self.deblur_model.content_encoder, self.deblur_model.generator, code)

    def blur(self, sharp: Tensor, code: Tensor) -> Tensor:
        """G_B(E_S^c(s), z): images (B, 3, H, W) and codes (B, Z) to images (B, 3, H, W)."""
        if isinstance(self.blur_generator, PathBlurGenerator):
            return self.blur_generator(sharp, code)  # type: ignore[no-any-return]
        return self._decode(sharp, self.sharp_content_encoder, self.blur_generator, code)

    def reblur(self, restored: Tensor, code: Tensor) -> Tensor:
        """Like `blur`, of restored images, to be compared with the blurred images that they came from."""
        if isinstance(self.blur_generator, PathBlurGenerator):
            return self.blur_generator.reblur(restored, code)
        return self.blur(restored, code)

    def reconstruct_sharp(self, sharp: Tensor, code: Tensor) -> Tensor:
        """G_S(E_S^c(s), z): sharp images reconstructed in their own domain; shapes as in `restore`."""
        return self._decode(sharp, self.sharp_content_encoder, self.deblur_model.generator, code)

    def reconstruct_blurred(self, blurred: Tensor, code: Tensor) -> Tensor:
        """G_B(E_B^c(b), z): blurred images reconstructed in their own domain; G_B must be a network."""
        return self._decode(blurred, self.deblur_model.content_encoder, self.blur_generator, code)

    def _decode(self, image: Tensor, encoder: nn.Module, generator: nn.Module, code: Tensor) -> Tensor:
        content = encoder(image)
        if self._content_noise and self.training:
            content = content + self._content_noise * torch.randn_like(content)
        return compose(image, generator(content, code), residual=self.deblur_model.config.residual_output)

    def _initialise_generators(self, init: Initialisation) -> None:
        initialise(self.deblur_model, init)
        initialise(self.sharp_content_encoder, init)
        if isinstance(self.blur_generator, Generator):  # a path has an initialisation of its own
            initialise(self.blur_generator, init)
        self.deblur_model.begin_as_identity()


def _shape(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else str(tuple(tensor.shape))
