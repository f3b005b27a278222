from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._inductor import cpp_builder
from torch._inductor.exc import InvalidCxxCompiler

from tests.runs import CPU, MakeConfig, assert_same
from udsd.errors import ConfigError
from udsd.evaluation.vgg import VGG19Features
from udsd.models import DeblurModel
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.learner import Learner
from udsd.training.losses import (
    cycle_consistency_loss,
    kl_divergence,
    low_frequency_loss,
    perceptual_loss,
    restoration_losses,
)
from udsd.training.processes import Processes

UNPAIRED: dict[str, dict[str, Any]] = {"warm_start": {"steps": 0}}
IDENTITY: dict[str, dict[str, Any]] = {"model": {"residual_output": True}}
"""A generator G_S whose output is its input before any training; so is that of G_B if it is a copy."""


def learner_of(config: TrainingConfig, vgg: VGG19Features | None = None, index: int = 0) -> Learner:
    processes = Processes(CPU)
    processes.index = index
    return Learner(config, processes, vgg)


def crops_of(config: TrainingConfig) -> TrainingCrops:
    return TrainingCrops(config.data, config.blur, config.run.seed)


def one_step(learner: Learner, step: int = 0) -> dict[str, Tensor]:
    return learner.step(step, learner.draw(crops_of(learner.config), step))


def floats(losses: Mapping[str, Tensor]) -> dict[str, float]:
    return {name: loss.item() for name, loss in losses.items()}


@pytest.mark.parametrize("warm", [True, False])
def test_crops_of_one_colour_leave_gradients_of_a_size_with_others(make_config: MakeConfig, warm: bool) -> None:
    learner = learner_of(make_config(warm_start={"steps": int(warm)}, blur={"noise": [0, 0]}))
    batch = learner.draw(crops_of(learner.config), 0)
    largest = []
    for _ in range(2):
        learner.step(0, batch)
        parameters = learner.networks.inference_parameters()
        largest.append(max(parameter.grad.norm().item() for parameter in parameters if parameter.grad is not None))
        for crops in batch.values():
            crops.pixels.fill_(90)
    assert largest[1] < 100 * largest[0]


def test_each_stage_draws_what_it_needs(make_config: MakeConfig) -> None:
    plain = learner_of(make_config(warm_start={"steps": 2}))
    crops = crops_of(plain.config)
    assert [plain.in_warm_start(step) for step in range(4)] == [True, True, False, False]
    assert set(plain.draw(crops, 1)) == {"pairs"}
    assert set(plain.draw(crops, 2)) == {"sharp", "blurred"}
    restoring = learner_of(make_config(unpaired={"restoration": True}))
    assert set(restoring.draw(crops, 2)) == {"sharp", "blurred", "pairs"}
    assert torch.equal(restoring.draw(crops, 2)["sharp"].pixels, crops.sharp(2).pixels)
    assert torch.equal(restoring.draw(crops, 2)["blurred"].pixels, crops.blurred(2).pixels)


def test_restoration_in_the_unpaired_stage_adds_its_losses_and_the_divergence_of_its_codes(
    make_config: MakeConfig,
) -> None:
    learner = learner_of(make_config(**UNPAIRED, **IDENTITY, unpaired={"restoration": True}))
    batch = learner.draw(crops_of(learner.config), 0)
    model = copy.deepcopy(learner.networks.deblur_model)
    losses = learner.step(0, batch)
    sharp, blurred = batch["pairs"].to_device(CPU)
    with torch.no_grad():
        of_pairs = kl_divergence(*model.encode_blur(blurred)).item()
        of_blurred = kl_divergence(*model.encode_blur(batch["blurred"].to_device(CPU)[1])).item()
    assert min(of_pairs, of_blurred) > 1e-6
    assert losses["kl"].item() == pytest.approx(of_pairs + of_blurred, rel=1e-5)
    expected = floats(restoration_losses(blurred, sharp))
    assert {name: losses[name].item() for name in expected} == pytest.approx(expected)


def test_without_restoration_the_divergence_is_that_of_the_blurred_images_alone(make_config: MakeConfig) -> None:
    learner = learner_of(make_config(**UNPAIRED))
    batch = learner.draw(crops_of(learner.config), 0)
    with torch.no_grad():
        code = learner.networks.deblur_model.encode_blur(batch["blurred"].to_device(CPU)[1])
    losses = learner.step(0, batch)
    assert losses["kl"].item() == pytest.approx(kl_divergence(*code).item(), rel=1e-5)
    assert not any(name.startswith("restoration") for name in losses)


def test_sharp_and_blurred_crops_keep_their_places_in_the_losses(make_config: MakeConfig) -> None:
    """With networks that change nothing s_b = b and b_s = s, so that both cycles close."""
    learner = learner_of(
        make_config(**UNPAIRED, **IDENTITY, loss={"low_frequency": 1.0, "perceptual": 1.0}), VGG19Features()
    )
    learner.networks.initialise_blur_branch()
    batch = learner.draw(crops_of(learner.config), 0)
    sharp, blurred = batch["sharp"].to_device(CPU)[0], batch["blurred"].to_device(CPU)[1]
    losses = learner.step(0, batch)
    for name in ("cycle_sharp", "cycle_blurred", "low_frequency", "perceptual"):
        assert losses[name].item() == pytest.approx(0, abs=1e-6), name
    assert losses["correlation"].item() == pytest.approx(1, abs=1e-5)
    # The same with the places changed would be far from zero.
    vgg = VGG19Features()
    assert cycle_consistency_loss(sharp, blurred) > 0.1
    assert low_frequency_loss(sharp, blurred) > 0.05
    assert perceptual_loss(vgg(sharp), vgg(blurred)) > 1e-6


@pytest.mark.parametrize("warm_steps", [1, 2])
def test_the_first_unpaired_step_starts_the_blur_branch_from_the_warm_start(
    make_config: MakeConfig, warm_steps: int
) -> None:
    config = make_config(warm_start={"steps": warm_steps, "learning_rate": 0.01}, unpaired={"learning_rate": 1e-9})
    learner = learner_of(config)
    for step in range(warm_steps):
        one_step(learner, step)
    model, networks = learner.networks.deblur_model, learner.networks
    assert not torch.equal(networks.blur_generator.up1.weight, model.generator.up1.weight)
    one_step(learner, warm_steps)
    for name, weight in networks.blur_generator.state_dict().items():
        torch.testing.assert_close(weight, model.generator.state_dict()[name], atol=1e-7, rtol=0, msg=name)


def test_discriminators_learn_from_their_own_losses_only(make_config: MakeConfig) -> None:
    """At a rate of next to nothing for the discriminators, their gradients are those of their own step."""
    learner = learner_of(make_config(**UNPAIRED, unpaired={"learning_rate": 1e-9}))
    batch = learner.draw(crops_of(learner.config), 0)
    learner.step(0, batch)
    parameters = learner.networks.discriminator_parameters()
    assert all(parameter.requires_grad for parameter in parameters)
    found = [parameter.grad.clone() for parameter in parameters if parameter.grad is not None]
    sharp, blurred = batch["sharp"].to_device(CPU)[0], batch["blurred"].to_device(CPU)[1]
    for parameter in parameters:
        parameter.grad = None
    torch.manual_seed(learner.config.run.seed + 1)
    images = learner.objective.translate(sharp, blurred)
    losses = learner.objective.discriminator_losses(sharp, blurred, images)
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    expected = [parameter.grad for parameter in parameters]
    for one, other in zip(found, expected, strict=True):
        assert other is not None
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_rates_are_those_of_the_schedule(make_config: MakeConfig) -> None:
    learner = learner_of(
        make_config(
            warm_start={"steps": 1, "learning_rate": 1e-3, "ramp_steps": 4, "decay_share": 0.5},
            unpaired={"steps": 1, "decay_steps": 1, "learning_rate": 1e-3, "discriminator_rate": 2.0, "ramp_steps": 5},
        )
    )
    rates = []
    for step in range(3):
        one_step(learner, step)
        rates.append({name: optimizer.param_groups[0]["lr"] for name, optimizer in learner._optimizers.items()})
    assert rates[0]["warm_start"] == pytest.approx(1e-3 / 4)
    assert rates[1]["generators"] == pytest.approx(1e-3 / 5)
    assert rates[1]["discriminators"] == pytest.approx(2e-3 / 5)
    assert rates[2]["generators"] == pytest.approx(1e-3 * 2 / 5)
    assert rates[2]["discriminators"] == pytest.approx(2e-3 * 2 / 5)


def test_processes_begin_with_the_same_weights_and_draw_other_codes(make_config: MakeConfig) -> None:
    weights, seeds = [], []
    for index in range(3):
        learner = learner_of(make_config(run={"seed": 7}), index=index)
        weights.append(learner.networks.state_dict())
        seeds.append(torch.initial_seed())
    assert_same(weights[1], weights[0])
    assert_same(weights[2], weights[0])
    # Nor are the codes drawn from what the weights were drawn from.
    assert len({7, *seeds}) == 4


def test_networks_lie_in_memory_as_the_crops_do(make_config: MakeConfig) -> None:
    learner = learner_of(make_config(), VGG19Features())
    kernels = [parameter for parameter in learner.networks.parameters() if parameter.dim() == 4]
    assert kernels
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)
    vgg = learner.objective._vgg
    assert vgg is not None
    for weight in vgg.parameters():
        assert weight.dim() != 4 or weight.is_contiguous(memory_format=torch.channels_last)


def test_samples_of_the_unpaired_stage_are_what_their_captions_say(make_config: MakeConfig) -> None:
    learner = learner_of(make_config(**UNPAIRED, **IDENTITY))
    learner.networks.initialise_blur_branch()
    crops = crops_of(learner.config)
    before = copy.deepcopy(learner.state()), torch.get_rng_state()
    columns = learner.translation_samples(crops.sharp(0), crops.blurred(0))
    assert list(columns) == [
        "b: blurred",
        "s_b: restored",
        "b^: blurred back",
        "s: sharp",
        "b_s: blurred",
        "s^: restored back",
    ]
    sharp, blurred = crops.sharp(0).to_device(CPU)[0], crops.blurred(0).to_device(CPU)[1]
    for column, expected in zip(columns.values(), [blurred] * 3 + [sharp] * 3, strict=True):
        torch.testing.assert_close(column, expected)
    assert_same((learner.state(), torch.get_rng_state()), before)


def test_restored_samples_are_those_of_the_averaged_model(make_config: MakeConfig) -> None:
    learner = learner_of(make_config(**UNPAIRED))
    crops = crops_of(learner.config)
    with torch.no_grad():
        for weight in learner.networks.deblur_model.parameters():
            weight.mul_(2)
        expected = learner.averaged_model(crops.blurred(0).to_device(CPU)[1])
    restored = learner.translation_samples(crops.sharp(0), crops.blurred(0))["s_b: restored"]
    assert torch.equal(restored, expected)


def test_samples_are_drawn_with_the_same_codes_each_time(make_config: MakeConfig) -> None:
    """So that the grids of a run show its progress, not another code."""
    learner = learner_of(make_config(**UNPAIRED))
    crops = crops_of(learner.config)
    first, second = (learner.translation_samples(crops.sharp(0), crops.blurred(0)) for _ in range(2))
    torch.manual_seed(99)
    third = learner.translation_samples(crops.sharp(0), crops.blurred(0))
    assert_same(second, first)
    assert_same(third, first)


def test_the_generators_step_computes_no_gradients_of_discriminators(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = learner_of(make_config(**UNPAIRED))
    discriminator_losses, found = learner.objective.discriminator_losses, []

    def look(*arguments: Any) -> dict[str, Tensor]:
        found.extend(parameter.grad for parameter in learner.networks.discriminator_parameters())
        return discriminator_losses(*arguments)

    monkeypatch.setattr(learner.objective, "discriminator_losses", look)
    one_step(learner)
    assert found
    assert all(gradient is None for gradient in found)


def test_samples_of_the_warm_start_are_made_by_the_averaged_model(make_config: MakeConfig) -> None:
    learner = learner_of(make_config(run={"ema_decay": 0.9}, warm_start={"learning_rate": 0.01}))
    crops = crops_of(learner.config)
    for step in range(2):
        one_step(learner, step)
    sharp, blurred = crops.pairs(0).to_device(CPU)
    columns = learner.restoration_samples(crops.pairs(0))
    assert list(columns) == ["blurred", "restored", "sharp"]
    with torch.inference_mode():
        assert torch.equal(columns["restored"], learner.averaged_model(blurred))
        assert not torch.equal(columns["restored"], learner.networks.deblur_model(blurred))
    assert torch.equal(columns["blurred"], blurred)
    assert torch.equal(columns["sharp"], sharp)


def test_a_state_goes_on_as_if_nothing_had_been(make_config: MakeConfig) -> None:
    config = make_config(objective={"replay_pool": 3})
    first = learner_of(config)
    for step in range(3):
        one_step(first, step)
    second = learner_of(config)
    second.load_state(copy.deepcopy(first.state()))
    second.load_pools(copy.deepcopy(first.pools()))
    assert_same(second.state(), first.state())
    for learner in (first, second):
        torch.manual_seed(5)
        one_step(learner, 3)
    assert_same(second.state(), first.state())
    assert_same(second.pools(), first.pools())


@pytest.mark.parametrize(("before", "after"), [(0, 4), (3, 4), (4, 0)])
def test_a_pool_of_another_size_is_filled_again(make_config: MakeConfig, before: int, after: int) -> None:
    first = learner_of(make_config(**UNPAIRED, objective={"replay_pool": before}))
    one_step(first)
    second = learner_of(make_config(**UNPAIRED, objective={"replay_pool": after}))
    second.load_state(copy.deepcopy(first.state()))
    second.load_pools(copy.deepcopy(first.pools()))
    assert [bool(pool.filled) for pool in second._pools] == [False] * (2 if after else 0)
    assert_same(second.networks.state_dict(), first.networks.state_dict())
    one_step(second)
    assert all(bool(pool.filled) for pool in second._pools)


def test_another_optimizer_begins_without_moments(make_config: MakeConfig) -> None:
    first = learner_of(make_config(warm_start={"optimizer": "adam"}))
    one_step(first)
    second = learner_of(make_config(warm_start={"optimizer": "muon"}))
    second.load_state(copy.deepcopy(first.state()))
    moments = second.state()["optimizers"]["warm_start"]
    assert not any(part["state"] for part in moments.values())
    assert_same(second.averaged_model.state_dict(), first.averaged_model.state_dict())


def test_a_run_that_starts_from_all_networks_keeps_its_blur_branch(make_config: MakeConfig) -> None:
    """A warm start would otherwise be followed by copies of E_B^c and G_S."""
    config = make_config(warm_start={"steps": 1}, unpaired={"learning_rate": 1e-9})
    trained = learner_of(config).networks
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    initial: DeblurModel = copy.deepcopy(trained.deblur_model)
    learner = Learner(config, Processes(CPU), None, initial, copy.deepcopy(trained.training_state()))
    for step in range(2):
        one_step(learner, step)
    for name, weight in learner.networks.blur_generator.state_dict().items():
        torch.testing.assert_close(weight, trained.blur_generator.state_dict()[name], atol=1e-7, rtol=0, msg=name)


def test_widening_is_told(make_config: MakeConfig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    config = make_config(model={"base_width": 8})
    narrow = DeblurModel(make_config().model)
    Learner(config, Processes(CPU), None, narrow)
    assert caplog.messages == [
        "widening the model from 4 to 8",
        "started from a trained model; E_S^c and G_B are copies of E_B^c and G_S, discriminators are random",
    ]


def test_generators_can_be_updated_at_every_second_step(make_config: MakeConfig) -> None:
    learner = learner_of(make_config(**UNPAIRED, unpaired={"generator_every": 2}, run={"ema_decay": 0.0}))
    generators = learner.networks.generator_parameters()
    discriminators = learner.networks.discriminator_parameters()
    before = [parameter.detach().clone() for parameter in generators]
    judges = [parameter.detach().clone() for parameter in discriminators]
    first = one_step(learner, 0)
    assert set(learner.rates) == {"discriminators"}
    assert "discriminator_sharp" in first
    assert "cycle_sharp" not in first
    assert all(torch.equal(one, other) for one, other in zip(generators, before, strict=True))
    assert not any(torch.equal(one, other) for one, other in zip(discriminators, judges, strict=True))
    second = one_step(learner, 1)
    assert set(learner.rates) == {"discriminators", "generators"}
    assert "cycle_sharp" in second
    assert not all(torch.equal(one, other) for one, other in zip(generators, before, strict=True))


def test_weight_decay_shrinks_what_has_no_other_gradient(make_config: MakeConfig) -> None:
    settings = {"weight_decay": 0.1, "learning_rate": 1e-3, "steps": 5}
    learner = learner_of(make_config(**UNPAIRED, unpaired=settings))
    (group,) = learner._optimizers["generators"].param_groups
    assert group["weight_decay"] == 0.1
    changed = learner_of(make_config(**UNPAIRED, unpaired={**settings, "weight_decay": 0.2, "betas": [0.3, 0.9]}))
    changed.load_state(copy.deepcopy(learner.state()))
    for name in ("generators", "discriminators"):
        (group,) = changed._optimizers[name].param_groups
        assert (group["weight_decay"], group["betas"]) == (0.2, (0.3, 0.9))


@pytest.mark.parametrize("init", [False, True])
def test_a_model_trained_without_a_blur_encoder_gives_the_code_zero(make_config: MakeConfig, init: bool) -> None:
    config = make_config(branches={"blur_encoder": False})
    learner = Learner(config, Processes(CPU), None, DeblurModel(config.model) if init else None)
    for step in range(3):
        losses = one_step(learner, step)
    assert "code_spread" not in losses
    mean, _ = learner.averaged_model.encode_blur(torch.rand(2, 3, 32, 32))
    assert not mean.any()
    _, blurred = crops_of(config).pairs(0).to_device(CPU)
    zero = torch.zeros(len(blurred), config.model.blur_code_size)
    torch.testing.assert_close(learner.averaged_model(blurred), learner.averaged_model(blurred, zero))


def test_samples_are_taken_without_the_noise_of_training(make_config: MakeConfig) -> None:
    samples = []
    for noise in (0.0, 1.0):
        learner = learner_of(make_config(**UNPAIRED, branches={"content_noise": noise}))
        crops = crops_of(learner.config)
        samples.append(learner.translation_samples(crops.sharp(0), crops.blurred(0)))
        assert learner.networks.training
    assert_same(samples[1], samples[0])


@pytest.mark.parametrize(("batch", "processes"), [(3, 1), (2, 2), (6, 2)])
def test_batches_that_cannot_be_halved_are_refused(make_config: MakeConfig, batch: int, processes: int) -> None:
    several = Processes(CPU)
    several.count = processes
    config = make_config(data={"batch_size": batch}, objective={"random_half": True})
    with pytest.raises(ConfigError, match=f"batch_size is {batch} .* give a multiple of {2 * processes}"):
        Learner(config, several)


def test_only_one_half_of_a_batch_is_encoded_if_the_other_is_for_random_codes(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = learner_of(
        make_config(**UNPAIRED, data={"batch_size": 4}, objective={"random_half": True}, loss={"random_code": 1.0})
    )
    translate, seen = learner.objective.translate, []

    def look(sharp: Tensor, blurred: Tensor) -> Any:
        seen.append((sharp, blurred))
        return translate(sharp, blurred)

    monkeypatch.setattr(learner.objective, "translate", look)
    batch = learner.draw(crops_of(learner.config), 0)
    losses = learner.step(0, batch)
    assert torch.equal(seen[0][0], batch["sharp"].to_device(CPU)[0][:2])
    assert torch.equal(seen[0][1], batch["blurred"].to_device(CPU)[1][:2])
    assert "discriminator_random" in losses


def has_compiler() -> bool:
    try:
        cpp_builder.get_cpp_compiler()
    except InvalidCxxCompiler:
        return False
    return True


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")  # inside torch itself
@pytest.mark.skipif(not has_compiler(), reason="no C++ compiler")
def test_compiled_losses_and_gradients_are_the_plain_ones(make_config: MakeConfig) -> None:
    settings: dict[str, Any] = {
        "loss": {"restoration_perceptual": 0.1},
        "objective": {"perceptual_size": 16},
        "warm_start": {"steps": 2, "ramp_steps": 0},
    }
    vgg = VGG19Features()
    results = []
    for compiled in (False, True):
        learner = learner_of(make_config(**settings, run={"compile": compiled}), vgg)
        losses = floats(one_step(learner))
        gradients = [parameter.grad for parameter in learner.networks.inference_parameters()]
        results.append((losses, torch.cat([gradient.flatten() for gradient in gradients if gradient is not None])))
    (plain, plain_gradient), (losses, gradient) = results
    assert losses == pytest.approx(plain, rel=1e-4)
    assert set(losses) == {"restoration", "restoration_squared", "kl", "restoration_perceptual"}
    assert float((gradient - plain_gradient).norm() / plain_gradient.norm()) < 1e-3
    assert losses["kl"] > 0  # a code was drawn, the same in both
