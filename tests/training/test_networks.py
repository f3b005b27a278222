from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from torch import nn

from udsd.errors import ConfigError
from udsd.models import BlurEncoder, ContentEncoder, Generator, ModelConfig
from udsd.training.networks import BranchConfig, TrainingNetworks

CONFIG = ModelConfig(base_width=4, residual_blocks=2)
BRANCHES = BranchConfig(discriminator_width=4)


@pytest.fixture
def networks() -> TrainingNetworks:
    return TrainingNetworks(CONFIG, BRANCHES)


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def addresses(*modules: nn.Module) -> set[int]:
    return {parameter.data_ptr() for module in modules for parameter in module.parameters()}


def test_the_last_residual_block_is_one_for_both_domains(networks: TrainingNetworks) -> None:
    blurred, sharp = networks.deblur_model.content_encoder, networks.sharp_content_encoder
    assert sharp.blocks[-1] is blurred.blocks[-1]
    assert sharp.blocks[0] is not blurred.blocks[0]
    assert addresses(sharp) & addresses(blurred) == addresses(blurred.blocks[-1])


def test_shared_parameters_are_given_once(networks: TrainingNetworks) -> None:
    parameters = networks.generator_parameters()
    assert len({id(parameter) for parameter in parameters}) == len(parameters)
    parts = count(BlurEncoder(CONFIG)) + 2 * count(ContentEncoder(CONFIG)) + 2 * count(Generator(CONFIG))
    shared = count(networks.sharp_content_encoder.blocks[-1])
    assert sum(parameter.numel() for parameter in parameters) == parts - shared


def test_every_parameter_belongs_to_the_generators_or_to_the_discriminators(networks: TrainingNetworks) -> None:
    generators = {id(parameter) for parameter in networks.generator_parameters()}
    discriminators = {id(parameter) for parameter in networks.discriminator_parameters()}
    assert generators.isdisjoint(discriminators)
    assert generators | discriminators == {id(parameter) for parameter in networks.parameters()}
    assert {id(parameter) for parameter in networks.inference_parameters()} < generators


def test_the_blur_branch_starts_as_a_copy_of_its_twins(networks: TrainingNetworks) -> None:
    parameters = [id(parameter) for parameter in networks.parameters()]
    before = copy.deepcopy(networks.deblur_model.state_dict())
    networks.initialise_blur_branch()
    model = networks.deblur_model
    for copied, origin in (
        (networks.sharp_content_encoder, model.content_encoder),
        (networks.blur_generator, model.generator),
    ):
        for name, value in origin.state_dict().items():
            assert torch.equal(copied.state_dict()[name], value)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert networks.sharp_content_encoder.blocks[-1] is model.content_encoder.blocks[-1]
    shared = addresses(model.content_encoder.blocks[-1])
    assert addresses(networks.sharp_content_encoder, networks.blur_generator) & addresses(model) == shared
    # The optimisers hold the parameters that were there before.
    assert [id(parameter) for parameter in networks.parameters()] == parameters


def test_a_state_loaded_into_other_networks_keeps_the_sharing(networks: TrainingNetworks) -> None:
    others = TrainingNetworks(CONFIG, BRANCHES)
    others.load_state_dict(networks.state_dict())
    assert others.sharp_content_encoder.blocks[-1] is others.deblur_model.content_encoder.blocks[-1]
    sharp, code = torch.rand(1, 3, 32, 32), torch.randn(1, 8)
    assert torch.equal(others.blur(sharp, code), networks.blur(sharp, code))
    assert torch.equal(others.restore(sharp, code), networks.restore(sharp, code))


@pytest.mark.parametrize("residual_output", [False, True])
def test_both_directions_end_alike(residual_output: bool) -> None:
    networks = TrainingNetworks(ModelConfig(base_width=4, residual_output=residual_output), BRANCHES)
    networks.initialise_blur_branch()
    image, code = torch.rand(2, 3, 32, 32) * 2 - 1, torch.randn(2, 8)
    torch.testing.assert_close(networks.blur(image, code), networks.restore(image, code))
    for generator in (networks.blur_generator, networks.deblur_model.generator):
        nn.init.constant_(generator.to_image.bias, 0.5)  # type: ignore[arg-type]
        nn.init.zeros_(generator.to_image.weight)
    expected = image + 0.5 if residual_output else torch.full_like(image, 0.5).tanh()
    torch.testing.assert_close(networks.blur(image, code), expected)
    torch.testing.assert_close(networks.restore(image, code), expected)


def test_reconstructions_take_content_and_generator_of_one_domain(networks: TrainingNetworks) -> None:
    model, image, code = networks.deblur_model, torch.rand(1, 3, 32, 32), torch.randn(1, 8)
    sharp = model.generator(networks.sharp_content_encoder(image), code).tanh()
    blurred = networks.blur_generator(model.content_encoder(image), code).tanh()
    torch.testing.assert_close(networks.reconstruct_sharp(image, code), sharp)
    torch.testing.assert_close(networks.reconstruct_blurred(image, code), blurred)
    assert not torch.allclose(sharp, blurred, atol=1e-3)


@pytest.mark.parametrize("random_code", [False, True])
def test_the_training_state_is_all_that_a_model_folder_lacks(random_code: bool) -> None:
    first, second = (TrainingNetworks(CONFIG, BRANCHES, random_code=random_code) for _ in range(2))
    state = first.training_state()
    assert not any(name.startswith("deblur_model.") for name in state)
    assert not any(name.startswith("sharp_content_encoder.blocks.1.") for name in state)  # shared with E_B^c
    second.load_training_state(state)
    second.deblur_model.load_state_dict(first.deblur_model.state_dict())
    for name, tensor in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], tensor), name
    assert any(name.startswith("random_discriminators.1.") for name in state) == random_code


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("blur_generator.to_image.bias"), "to_image.bias is missing in the file and \\(3,\\)"),
        (lambda state: state.update(more=torch.zeros(2)), "more is \\(2,\\) in the file and missing in the run"),
        (
            lambda state: state.update({"blur_generator.to_image.bias": torch.zeros(4)}),
            "to_image.bias is \\(4,\\) in the file and \\(3,\\) in the run",
        ),
    ],
)
def test_a_training_state_of_other_networks_is_refused(
    networks: TrainingNetworks, change: Callable[[dict[str, torch.Tensor]], None], message: str
) -> None:
    state = dict(networks.training_state())
    change(state)
    with pytest.raises(ConfigError, match=message):
        networks.load_training_state(state)


def test_the_first_residual_block_of_the_generators_is_shared_only_if_asked_for(networks: TrainingNetworks) -> None:
    assert networks.blur_generator.blocks[0] is not networks.deblur_model.generator.blocks[0]  # type: ignore[index]
    sharing = TrainingNetworks(CONFIG, BranchConfig(discriminator_width=4, share_generator_block=True))
    assert sharing.blur_generator.blocks[0] is sharing.deblur_model.generator.blocks[0]  # type: ignore[index]
    assert sharing.blur_generator.blocks[1] is not sharing.deblur_model.generator.blocks[1]  # type: ignore[index]


@pytest.mark.parametrize("blur", ["network", "path"])
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")  # inside torch itself
def test_every_network_is_compiled(blur: Literal["network", "path"]) -> None:
    networks = TrainingNetworks(CONFIG, BranchConfig(blur, discriminator_width=4), random_code=True)
    names = list(networks.state_dict())
    networks.compile_parts()
    model = networks.deblur_model
    parts = [model.content_encoder, model.blur_encoder, model.generator, networks.sharp_content_encoder]
    parts += [networks.blur_generator, networks.sharp_discriminator, networks.blurred_discriminator]
    assert all(part._compiled_call_impl is not None for part in [*parts, *networks.random_discriminators])
    assert list(networks.state_dict()) == names


def test_the_defaults_are_the_papers() -> None:
    config = BranchConfig()
    assert (config.blur, config.share_generator_block, config.discriminator_init) == ("network", False, "default")
    assert config.discriminator_width is None
    assert list(TrainingNetworks(CONFIG, BRANCHES).random_discriminators) == []


@pytest.mark.parametrize("size", [3, 65, 127])
def test_kernels_may_be_of_any_odd_size(size: int) -> None:
    assert BranchConfig(kernel_size=size).kernel_size == size


@pytest.mark.parametrize("width", [1, 256])
def test_discriminators_may_be_narrow_and_wide(width: int) -> None:
    assert BranchConfig(discriminator_width=width).discriminator_width == width


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel_size": 1}, "kernel_size is 1; give an odd number from 3 to 127"),
        ({"kernel_size": 64}, "kernel_size is 64"),
        ({"kernel_size": 129}, "kernel_size is 129"),
        ({"discriminator_width": 0}, "discriminator_width is 0; give 1 to 256"),
        ({"discriminator_width": 257}, "discriminator_width is 257"),
        ({"share_generator_block": True, "blur": "path"}, "share_generator_block needs blur = 'network'"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BranchConfig(**settings)


@pytest.mark.parametrize(("wanted", "width"), [(None, 6), (9, 9)])
def test_discriminators_are_as_wide_as_the_networks_unless_it_is_said(wanted: int | None, width: int) -> None:
    networks = TrainingNetworks(
        ModelConfig(base_width=6, residual_blocks=1), BranchConfig(discriminator_width=wanted), random_code=True
    )
    all_of_them = [networks.sharp_discriminator, networks.blurred_discriminator, *networks.random_discriminators]
    firsts = [module for one in all_of_them for module in one.modules() if isinstance(module, nn.Conv2d)][::5]
    assert {convolution.out_channels for convolution in firsts} == {width}


def test_noise_on_the_content_is_added_in_training_only() -> None:
    config = ModelConfig(base_width=4, residual_blocks=1)
    torch.manual_seed(1)
    noisy = TrainingNetworks(config, BranchConfig(discriminator_width=4, content_noise=1.0))
    torch.manual_seed(1)
    plain = TrainingNetworks(config, BranchConfig(discriminator_width=4))
    image, code = torch.rand(1, 3, 32, 32), torch.zeros(1, 8)
    for name in ("restore", "blur", "reconstruct_sharp", "reconstruct_blurred"):
        expected = getattr(plain, name)(image, code)
        assert not torch.equal(getattr(noisy.train(), name)(image, code), expected), name
        torch.testing.assert_close(getattr(noisy.eval(), name)(image, code), expected)


def test_encoders_and_generators_begin_as_asked_for() -> None:
    config = ModelConfig(base_width=16, residual_blocks=1, residual_output=True)
    networks = TrainingNetworks(config, BranchConfig(generator_init="normal", discriminator_width=4))
    for network in (networks.deblur_model.content_encoder, networks.sharp_content_encoder, networks.blur_generator):
        for name, weight in network.named_parameters():
            if weight.dim() == 4:
                assert weight.std().item() == pytest.approx(0.02, rel=0.2), name
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(networks.deblur_model(image), image)  # still the identity before training
