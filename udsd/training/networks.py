"""All networks of a training run, those of the inference path included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from udsd.errors import ConfigError
from udsd.models import ContentEncoder, DeblurModel, Generator, ModelConfig, compose
from udsd.training.discriminators import DiscriminatorInit, MultiScaleDiscriminator
from udsd.training.path_branch import PathBlurGenerator

_WIDEST_KERNEL = 127


@dataclass(frozen=True, slots=True)
class BranchConfig:
    """The networks that only training has. The defaults are the paper's.

    Attributes:
        blur: ``"network"``, the paper's G_B; or ``"path"``, which decodes the code into a camera path and the level of
            the sensor's noise. Where blur is uniform over the image, that is far less to learn, and it cannot hide the
            sharp image in the blurred one.
        kernel_size: Side in pixels, odd, of the kernels of those paths.
        share_generator_block: G_S and G_B share their first residual block, as in the authors' released code.
        discriminator_width: Channels of the discriminators' first convolution; if not set, those of the generators.
            Discriminators of width 64 beside networks of width 32 take a fifth of a step.
        discriminator_init: How their weights are initialised: ``"default"``, as PyTorch does; ``"normal"``, with a
            standard deviation of 0.02 as in CycleGAN; or ``"kaiming"``, which keeps the variance from layer to layer.
    """

    blur: Literal["network", "path"] = "network"
    kernel_size: int = 65
    share_generator_block: bool = False
    discriminator_width: int | None = None
    discriminator_init: DiscriminatorInit = "default"

    def __post_init__(self) -> None:
        if self.kernel_size % 2 == 0 or not 3 <= self.kernel_size <= _WIDEST_KERNEL:
            raise ConfigError(f"kernel_size is {self.kernel_size}; give an odd number from 3 to {_WIDEST_KERNEL}")
        if self.discriminator_width is not None and not 1 <= self.discriminator_width <= 256:
            raise ConfigError(f"discriminator_width is {self.discriminator_width}; give 1 to 256")
        if self.share_generator_block and self.blur == "path":
            raise ConfigError("share_generator_block needs blur = 'network': a path has no residual blocks to share")


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

        width = branches.discriminator_width or config.base_width

        def discriminator() -> MultiScaleDiscriminator:
            return MultiScaleDiscriminator(width, init=branches.discriminator_init)

        self.sharp_discriminator = discriminator()
        self.blurred_discriminator = discriminator()
        self.random_discriminators = nn.ModuleList([discriminator(), discriminator()] if random_code else [])

    @property
    def has_blur_network(self) -> bool:
        """Whether G_B is a network, as in the paper, rather than a path."""
        return isinstance(self.blur_generator, Generator)

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

    def restore(self, blurred: Tensor, code: Tensor) -> Tensor:
        """G_S(E_B^c(b), z): images (B, 3, H, W) and codes (B, Z) to images (B, 3, H, W)."""
        return self.deblur_model(blurred, code)  # type: ignore[no-any-return]

    def blur(self, sharp: Tensor, code: Tensor) -> Tensor:
        """G_B(E_S^c(s), z): images (B, 3, H, W) and codes (B, Z) to images (B, 3, H, W)."""
        if isinstance(self.blur_generator, PathBlurGenerator):
            return self.blur_generator(sharp, code)  # type: ignore[no-any-return]
        return self._compose(sharp, self.blur_generator(self.sharp_content_encoder(sharp), code))

    def reblur(self, restored: Tensor, code: Tensor) -> Tensor:
        """Like `blur`, of restored images, to be compared with the blurred images that they came from."""
        if isinstance(self.blur_generator, PathBlurGenerator):
            return self.blur_generator.reblur(restored, code)
        return self.blur(restored, code)

    def reconstruct_sharp(self, sharp: Tensor, code: Tensor) -> Tensor:
        """G_S(E_S^c(s), z): sharp images reconstructed in their own domain; shapes as in `restore`."""
        return self._compose(sharp, self.deblur_model.generator(self.sharp_content_encoder(sharp), code))

    def reconstruct_blurred(self, blurred: Tensor, code: Tensor) -> Tensor:
        """G_B(E_B^c(b), z): blurred images reconstructed in their own domain; G_B must be a network."""
        return self._compose(blurred, self.blur_generator(self.deblur_model.content_encoder(blurred), code))

    def _compose(self, image: Tensor, decoded: Tensor) -> Tensor:
        return compose(image, decoded, residual=self.deblur_model.config.residual_output)


def _shape(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else str(tuple(tensor.shape))
