from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

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
