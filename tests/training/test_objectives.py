from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from udsd.errors import ConfigError
from udsd.evaluation.vgg import VGG19Features
from udsd.models import DeblurModel, ModelConfig
from udsd.training.losses import LossWeights, shrunk_to
from udsd.training.networks import BranchConfig, TrainingNetworks
from udsd.training.objectives import ObjectiveConfig, UnpairedObjective, warm_start_losses
from udsd.training.replay import ReplayPool

CONFIG = ModelConfig(base_width=4, residual_blocks=2)
BRANCHES = BranchConfig(discriminator_width=4)
GENERATORS = ("deblur_model.", "sharp_content_encoder.", "blur_generator.")
DISCRIMINATORS = ("sharp_discriminator.", "blurred_discriminator.")


class MeanCode(DeblurModel):
    """The code of an image is its mean, without variance."""

    def encode_blur(self, image: Tensor) -> tuple[Tensor, Tensor]:
        mean = image.mean(dim=(1, 2, 3))[:, None].expand(-1, 8)
        return mean, torch.full_like(mean, -math.inf)


class AddOne(TrainingNetworks):
    """Blurring adds one and restoring takes it away; the codes that came are kept."""

    def __init__(self) -> None:
        super().__init__(CONFIG, BRANCHES)
        self.deblur_model = MeanCode(CONFIG)
        self.restored_with: list[float] = []
        self.blurred_with: list[float] = []

    def restore(self, blurred: Tensor, code: Tensor) -> Tensor:
        self.restored_with.append(code[0, 0].item())
        return blurred - 1

    def blur(self, sharp: Tensor, code: Tensor) -> Tensor:
        self.blurred_with.append(code[0, 0].item())
        return sharp + 1


class MeanTimes(nn.Module):
    """A discriminator of one scale whose logit is the image's mean times a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, image: Tensor) -> list[Tensor]:
        return [self.factor * image.mean()]


@pytest.fixture
def networks() -> TrainingNetworks:
    return TrainingNetworks(CONFIG, BRANCHES)


@pytest.fixture
def sharp() -> Tensor:
    return torch.rand(2, 3, 32, 32) * 2 - 1


@pytest.fixture
def blurred() -> Tensor:
    return torch.rand(2, 3, 32, 32) * 2 - 1


def papers(networks: TrainingNetworks) -> UnpairedObjective:
    return UnpairedObjective(networks, ObjectiveConfig(), LossWeights())


def names(networks: nn.Module, *prefixes: str) -> set[str]:
    return {name for name, _ in networks.named_parameters() if name.startswith(prefixes)}


def reached(networks: nn.Module, losses: dict[str, Tensor]) -> set[str]:
    """Names of the parameters that get a gradient other than zero."""
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    return {name for name, value in networks.named_parameters() if value.grad is not None and value.grad.any()}


def test_the_warm_start_reaches_all_of_the_inference_path_and_nothing_else(
    networks: TrainingNetworks, sharp: Tensor, blurred: Tensor
) -> None:
    losses = warm_start_losses(networks, sharp, blurred)
    assert set(losses) == {"restoration", "restoration_squared", "kl"}
    assert reached(networks, losses) == names(networks, "deblur_model.")


def test_the_warm_start_measures_against_the_sharp_image(blurred: Tensor) -> None:
    losses = warm_start_losses(AddOne(), blurred - 0.75, blurred)
    assert losses["restoration"].item() == pytest.approx(0.25, abs=1e-6)
    assert losses["restoration_squared"].item() == pytest.approx(0.0625, abs=1e-6)


def test_the_warm_starts_perceptual_loss_compares_with_the_sharp_image(blurred: Tensor) -> None:
    vgg = VGG19Features()
    found = warm_start_losses(AddOne(), blurred - 1, blurred, vgg)["restoration_perceptual"]
    assert found.item() == pytest.approx(0, abs=1e-9)
    found = warm_start_losses(AddOne(), blurred, blurred, vgg)["restoration_perceptual"]
    assert found.item() == pytest.approx(F.mse_loss(vgg(blurred - 1), vgg(blurred)).item(), rel=1e-5)
    assert found.item() > 0


def test_generator_losses_reach_all_encoders_and_generators_past_frozen_discriminators(
    networks: TrainingNetworks, sharp: Tensor, blurred: Tensor
) -> None:
    for parameter in networks.discriminator_parameters():
        parameter.requires_grad_(False)
    losses = papers(networks).generator_losses(sharp, blurred, papers(networks).translate(sharp, blurred))
    assert set(losses) == {"adversarial_sharp", "adversarial_blurred", "cycle_sharp", "cycle_blurred", "kl"}
    assert reached(networks, losses) == names(networks, *GENERATORS)


def test_discriminator_losses_reach_both_discriminators_and_no_generator(
    networks: TrainingNetworks, sharp: Tensor, blurred: Tensor
) -> None:
    losses = papers(networks).discriminator_losses(sharp, blurred, papers(networks).translate(sharp, blurred))
    assert set(losses) == {"discriminator_sharp", "discriminator_blurred"}
    assert reached(networks, losses) == names(networks, *DISCRIMINATORS)


@pytest.mark.parametrize("side", ["sharp", "blurred"])
def test_each_discriminator_has_its_own_loss(
    networks: TrainingNetworks, sharp: Tensor, blurred: Tensor, side: str
) -> None:
    losses = papers(networks).discriminator_losses(sharp, blurred, papers(networks).translate(sharp, blurred))
    key = f"discriminator_{side}"
    assert reached(networks, {key: losses[key]}) == names(networks, f"{side}_discriminator.")


def test_networks_that_undo_each_other_have_no_cycle_loss(sharp: Tensor, blurred: Tensor) -> None:
    networks = AddOne()
    images = papers(networks).translate(sharp, blurred)
    torch.testing.assert_close(images.restored, blurred - 1)
    torch.testing.assert_close(images.blurred, sharp + 1)
    losses = papers(networks).generator_losses(sharp, blurred, images)
    assert losses["cycle_sharp"].item() == pytest.approx(0, abs=1e-6)
    assert losses["cycle_blurred"].item() == pytest.approx(0, abs=1e-6)


def test_the_blurred_images_code_goes_out_and_the_newly_blurred_ones_comes_back() -> None:
    networks = AddOne()
    sharp, blurred = torch.full((1, 3, 32, 32), 0.25), torch.full((1, 3, 32, 32), -0.5)
    images = papers(networks).translate(sharp, blurred)
    assert networks.restored_with == pytest.approx([-0.5, 1.25])  # b, then b_s
    assert networks.blurred_with == pytest.approx([-0.5, 1.25])
    torch.testing.assert_close(images.code_mean, torch.full((1, 8), -0.5))


def test_each_image_goes_to_the_discriminator_of_its_domain(sharp: Tensor, blurred: Tensor) -> None:
    networks = AddOne()
    networks.sharp_discriminator, networks.blurred_discriminator = MeanTimes(1), MeanTimes(2)  # type: ignore[assignment]
    images = papers(networks).translate(sharp, blurred)
    fooled = papers(networks).generator_losses(sharp, blurred, images)
    restored, made = blurred.mean() - 1, sharp.mean() + 1
    torch.testing.assert_close(fooled["adversarial_sharp"], F.softplus(-restored))
    torch.testing.assert_close(fooled["adversarial_blurred"], F.softplus(-2 * made))
    losses = papers(networks).discriminator_losses(sharp, blurred, images)
    torch.testing.assert_close(losses["discriminator_sharp"], F.softplus(-sharp.mean()) + F.softplus(restored))
    expected = F.softplus(-2 * blurred.mean()) + F.softplus(2 * made)
    torch.testing.assert_close(losses["discriminator_blurred"], expected)


RELEASED = LossWeights(identity=10.0, random_code=1.0, latent=10.0)


def test_the_released_losses_reach_all_networks() -> None:
    networks = TrainingNetworks(CONFIG, BRANCHES, random_code=True)
    sharp, blurred = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    objective = UnpairedObjective(networks, ObjectiveConfig(), RELEASED)
    images = objective.translate(sharp, blurred)
    losses = objective.generator_losses(sharp, blurred, images)
    assert set(losses) == {
        "adversarial_sharp",
        "adversarial_blurred",
        "cycle_sharp",
        "cycle_blurred",
        "kl",
        "identity",
        "random_code",
        "latent",
    }
    latent_only = {"latent": objective.generator_losses(sharp, blurred, images)["latent"]}
    reaches = reached(networks, latent_only)
    assert names(networks, "blur_generator.", "deblur_model.blur_encoder.") <= reaches
    assert not reaches & names(networks, "deblur_model.generator.", "sharp_discriminator.")
    networks.zero_grad()
    losses_of_all = objective.discriminator_losses(sharp, blurred, objective.translate(sharp, blurred))
    everyone = names(networks, *DISCRIMINATORS, "random_discriminators.")
    assert reached(networks, losses_of_all) == everyone


def test_a_weight_of_zero_leaves_a_loss_out(networks: TrainingNetworks, sharp: Tensor, blurred: Tensor) -> None:
    weights = LossWeights(low_frequency=1.0)
    objective = UnpairedObjective(networks, ObjectiveConfig(), weights)
    images = objective.translate(sharp, blurred)
    assert images.random_code is None
    assert set(objective.generator_losses(sharp, blurred, images)) == {
        "adversarial_sharp",
        "adversarial_blurred",
        "cycle_sharp",
        "cycle_blurred",
        "kl",
        "low_frequency",
    }


def test_identity_is_measured_in_each_images_own_domain(sharp: Tensor, blurred: Tensor) -> None:
    class Nearly(AddOne):
        def reconstruct_sharp(self, image: Tensor, code: Tensor) -> Tensor:
            assert torch.equal(image, sharp)
            return sharp + 0.25

        def reconstruct_blurred(self, image: Tensor, code: Tensor) -> Tensor:
            assert torch.equal(image, blurred)
            return blurred - 0.5

    objective = UnpairedObjective(Nearly(), ObjectiveConfig(), LossWeights(identity=1.0))
    losses = objective.generator_losses(sharp, blurred, objective.translate(sharp, blurred))
    assert losses["identity"].item() == pytest.approx(0.75, abs=1e-6)


def test_detached_images_carry_no_gradient_of_the_sharp_cycle_to_the_blur_generator(
    networks: TrainingNetworks, sharp: Tensor, blurred: Tensor
) -> None:
    objective = UnpairedObjective(networks, ObjectiveConfig(detach_blurred=True), LossWeights())
    sharp_cycle = {"sharp": (objective.translate(sharp, blurred).sharp_back - sharp).abs().mean()}
    assert not reached(networks, sharp_cycle) & names(networks, "blur_generator.", "sharp_content_encoder.down")
    networks.zero_grad()
    sharp_cycle = {"sharp": (papers(networks).translate(sharp, blurred).sharp_back - sharp).abs().mean()}
    assert names(networks, "blur_generator.") <= reached(networks, sharp_cycle)


def test_noise_on_the_way_back_has_the_asked_strength(sharp: Tensor, blurred: Tensor) -> None:
    objective = UnpairedObjective(AddOne(), ObjectiveConfig(blurred_noise=3.0), LossWeights())
    images = objective.translate(sharp, blurred)
    assert (images.sharp_back - sharp).std().item() == pytest.approx(3 * 2 / 255, rel=0.05)


def test_r1_adds_the_squared_gradient_at_real_images(sharp: Tensor, blurred: Tensor) -> None:
    networks = AddOne()
    networks.sharp_discriminator, networks.blurred_discriminator = MeanTimes(3), MeanTimes(1)  # type: ignore[assignment]
    plain = papers(networks)
    penalised = UnpairedObjective(networks, ObjectiveConfig(), LossWeights(r1=2.0))
    images = plain.translate(sharp, blurred)
    difference = (
        penalised.discriminator_losses(sharp, blurred, images)["discriminator_sharp"]
        - plain.discriminator_losses(sharp, blurred, images)["discriminator_sharp"]
    )
    # The logit is 3 times the mean over all values of the batch: its gradient is 3 / N at each of the N values.
    values = sharp.numel()
    assert difference.item() == pytest.approx(2.0 * (3 / values) ** 2 * values / len(sharp), rel=1e-2)


def test_the_path_branch_takes_the_place_of_the_blur_generator(sharp: Tensor, blurred: Tensor) -> None:
    networks = TrainingNetworks(CONFIG, BranchConfig(blur="path", kernel_size=9, discriminator_width=4))
    objective = UnpairedObjective(networks, ObjectiveConfig(), LossWeights(identity=1.0))
    images = objective.translate(sharp, blurred)
    assert images.blurred.shape == sharp.shape
    losses = objective.generator_losses(sharp, blurred, images)
    assert names(networks, "blur_generator.", "deblur_model.") <= reached(networks, losses)


def test_what_came_back_is_compared_without_noise_of_its_own(sharp: Tensor, blurred: Tensor) -> None:
    networks = TrainingNetworks(CONFIG, BranchConfig(blur="path", kernel_size=9, discriminator_width=4))
    code = torch.randn(len(sharp), CONFIG.blur_code_size)
    assert not torch.equal(networks.blur(sharp, code), networks.blur(sharp, code))
    assert torch.equal(networks.reblur(sharp, code), networks.reblur(sharp, code))


def test_the_perceptual_loss_compares_the_restored_image_with_the_blurred_one(blurred: Tensor) -> None:
    """The paper's claim: s_b has the content of b, not that of s. Here s_b = s, at no distance from it."""
    vgg = VGG19Features()
    objective = UnpairedObjective(AddOne(), ObjectiveConfig(), LossWeights(perceptual=1.0), vgg)
    sharp = blurred - 1
    found = objective.generator_losses(sharp, blurred, objective.translate(sharp, blurred))["perceptual"].item()
    assert found == pytest.approx(F.mse_loss(vgg(blurred - 1), vgg(blurred)).item(), rel=1e-5)
    assert found > 1e-9


def test_perceptual_losses_can_be_of_smaller_images(blurred: Tensor) -> None:
    vgg, half = VGG19Features(), 16
    small = [shrunk_to(images, half) for images in (blurred - 1, blurred)]
    expected = F.mse_loss(*map(vgg, small)).item()
    found = warm_start_losses(AddOne(), blurred, blurred, vgg, half)["restoration_perceptual"].item()
    assert found == pytest.approx(expected, rel=1e-5)
    assert found != pytest.approx(F.mse_loss(vgg(blurred - 1), vgg(blurred)).item(), rel=1e-3)
    objective = UnpairedObjective(AddOne(), ObjectiveConfig(perceptual_size=half), LossWeights(perceptual=1.0), vgg)
    sharp = blurred - 1
    unpaired = objective.generator_losses(sharp, blurred, objective.translate(sharp, blurred))["perceptual"].item()
    assert unpaired == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ConfigError, match="perceptual_size is 8; give 16 pixels or more, or 0"):
        ObjectiveConfig(perceptual_size=8)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_without_a_weight_or_vgg_there_is_no_perceptual_loss(sharp: Tensor, blurred: Tensor, weight: float) -> None:
    vgg = None if weight else VGG19Features()
    objective = UnpairedObjective(AddOne(), ObjectiveConfig(), LossWeights(perceptual=weight), vgg)
    assert "perceptual" not in objective.generator_losses(sharp, blurred, objective.translate(sharp, blurred))


def test_low_frequencies_are_those_of_the_restored_and_the_blurred_image(sharp: Tensor, blurred: Tensor) -> None:
    objective = UnpairedObjective(AddOne(), ObjectiveConfig(), LossWeights(low_frequency=1.0))
    losses = objective.generator_losses(sharp, blurred, objective.translate(sharp, blurred))
    assert losses["low_frequency"].item() == pytest.approx(1, abs=1e-5)


class WithRandomCodes(AddOne):
    """Two more discriminators, and restored and blurred images that show the code that they were made with."""

    def __init__(self) -> None:
        super().__init__()
        self.random_discriminators = nn.ModuleList([MeanTimes(3), MeanTimes(5)])

    def restore(self, blurred: Tensor, code: Tensor) -> Tensor:
        return blurred - 1 + code.mean(dim=1).view(-1, 1, 1, 1)

    def blur(self, sharp: Tensor, code: Tensor) -> Tensor:
        return sharp + 1 + code.mean(dim=1).view(-1, 1, 1, 1)


def test_images_of_random_codes_have_discriminators_of_their_own(sharp: Tensor, blurred: Tensor) -> None:
    networks = WithRandomCodes()
    objective = UnpairedObjective(networks, ObjectiveConfig(), LossWeights(random_code=1.0))
    images = objective.translate(sharp, blurred)
    assert images.random_code is not None
    assert images.random_restored is not None
    assert images.random_blurred is not None
    torch.testing.assert_close(images.random_restored, networks.restore(blurred, images.random_code))
    torch.testing.assert_close(images.random_blurred, networks.blur(sharp, images.random_code))
    restored, made = 3 * images.random_restored.mean(), 5 * images.random_blurred.mean()
    losses = objective.generator_losses(sharp, blurred, images)
    torch.testing.assert_close(losses["random_code"], F.softplus(-restored) + F.softplus(-made))
    found = objective.discriminator_losses(sharp, blurred, images)["discriminator_random"]
    of_sharp = F.softplus(-3 * sharp.mean()) + F.softplus(restored)
    of_blurred = F.softplus(-5 * blurred.mean()) + F.softplus(made)
    torch.testing.assert_close(found, of_sharp + of_blurred)


def test_a_random_code_is_drawn_only_for_a_loss_that_needs_it(sharp: Tensor, blurred: Tensor) -> None:
    for weights, wanted in (
        (LossWeights(), False),
        (LossWeights(latent=1.0), True),
        (LossWeights(random_code=1.0), True),
    ):
        images = UnpairedObjective(WithRandomCodes(), ObjectiveConfig(), weights).translate(sharp, blurred)
        assert all(
            (image is not None) == wanted
            for image in (images.random_code, images.random_restored, images.random_blurred)
        )


def test_latent_regression_is_the_distance_of_the_random_code_to_that_of_its_image(
    sharp: Tensor, blurred: Tensor
) -> None:
    objective = UnpairedObjective(WithRandomCodes(), ObjectiveConfig(), LossWeights(latent=1.0))
    images = objective.translate(sharp, blurred)
    assert images.random_code is not None
    assert images.random_blurred is not None
    encoded = images.random_blurred.mean(dim=(1, 2, 3))[:, None]  # `MeanCode`
    losses = objective.generator_losses(sharp, blurred, images)
    torch.testing.assert_close(losses["latent"], (images.random_code - encoded).abs().mean())


class Swapped(ReplayPool):
    """Gives images of its own, recognised by their value, for any batch."""

    def __init__(self, value: float) -> None:
        super().__init__(1, (3, 32, 32))
        self.value = value

    def exchange(self, newest: Tensor) -> Tensor:
        return torch.full_like(newest, self.value)


def test_discriminators_see_the_images_of_their_own_pool(sharp: Tensor, blurred: Tensor) -> None:
    networks = AddOne()
    networks.sharp_discriminator, networks.blurred_discriminator = MeanTimes(1), MeanTimes(2)  # type: ignore[assignment]
    objective = papers(networks)
    pools = [Swapped(0.25), Swapped(-0.75)]
    losses = objective.discriminator_losses(sharp, blurred, objective.translate(sharp, blurred), pools)
    softplus = [F.softplus(torch.tensor(value)) for value in (0.25, -1.5)]
    torch.testing.assert_close(losses["discriminator_sharp"], F.softplus(-sharp.mean()) + softplus[0])
    torch.testing.assert_close(losses["discriminator_blurred"], F.softplus(-2 * blurred.mean()) + softplus[1])


def test_the_defaults_are_the_papers() -> None:
    config = ObjectiveConfig()
    assert (config.adversarial, config.detach_blurred) == ("log", False)
    assert (config.blurred_noise, config.replay_pool) == (0, 0)


def test_there_is_a_pool_for_each_discriminator_or_none(
    networks: TrainingNetworks, sharp: Tensor, blurred: Tensor
) -> None:
    objective = papers(networks)
    pools = [ReplayPool(4, (3, 32, 32))]
    with pytest.raises(ValueError, match="zip"):
        objective.discriminator_losses(sharp, blurred, objective.translate(sharp, blurred), pools)


@pytest.mark.parametrize(("name", "largest"), [("blurred_noise", 255), ("replay_pool", 10_000)])
def test_settings_end_where_their_message_says(name: str, largest: int) -> None:
    for allowed in (0, largest):
        assert getattr(ObjectiveConfig(**{name: allowed}), name) == allowed  # type: ignore[arg-type]
    for refused in (-1, largest + 1):
        with pytest.raises(ConfigError, match=f"{name} is {refused}; give 0 to {largest}"):
            ObjectiveConfig(**{name: refused})  # type: ignore[arg-type]


def test_the_latent_regression_need_not_train_the_blur_encoder() -> None:
    networks = TrainingNetworks(CONFIG, BRANCHES, random_code=True)
    sharp, blurred = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    plain = UnpairedObjective(networks, ObjectiveConfig(), RELEASED)
    fixed = UnpairedObjective(networks, ObjectiveConfig(latent_trains_encoder=False), RELEASED)
    images = plain.translate(sharp, blurred)
    trained, found = (objective.generator_losses(sharp, blurred, images)["latent"] for objective in (plain, fixed))
    torch.testing.assert_close(found, trained)
    reaches = reached(networks, {"latent": found})
    assert names(networks, "blur_generator.") <= reaches
    assert not reaches & names(networks, "deblur_model.blur_encoder.")


def test_the_perceptual_loss_can_have_the_sharp_image_as_its_reference(blurred: Tensor) -> None:
    """With s_b = s there is no distance to s."""
    config, vgg = ObjectiveConfig(perceptual_reference="sharp"), VGG19Features()
    objective = UnpairedObjective(AddOne(), config, LossWeights(perceptual=1.0), vgg)
    sharp = blurred - 1
    losses = objective.generator_losses(sharp, blurred, objective.translate(sharp, blurred))
    assert losses["perceptual"].item() == pytest.approx(0, abs=1e-9)


def test_features_can_be_compared_before_their_relu(blurred: Tensor) -> None:
    vgg, config = VGG19Features(), ObjectiveConfig(perceptual_before_relu=True)
    objective = UnpairedObjective(AddOne(), config, LossWeights(perceptual=1.0), vgg)
    found = objective.generator_losses(blurred, blurred, objective.translate(blurred, blurred))["perceptual"].item()
    before, after = (
        F.mse_loss(vgg(blurred - 1, rectified=flag), vgg(blurred, rectified=flag)).item() for flag in (False, True)
    )
    assert vgg(blurred, rectified=False).min() < 0
    assert found == pytest.approx(before, rel=1e-5)
    assert before > 1.01 * after


def test_images_restored_with_random_codes_can_have_a_perceptual_loss(sharp: Tensor, blurred: Tensor) -> None:
    vgg, networks, weights = VGG19Features(), WithRandomCodes(), LossWeights(perceptual=0.0, random_perceptual=0.1)
    objective = UnpairedObjective(networks, ObjectiveConfig(), weights, vgg)
    images = objective.translate(sharp, blurred)
    assert images.random_restored is not None
    losses = objective.generator_losses(sharp, blurred, images)
    expected = F.mse_loss(vgg(images.random_restored), vgg(blurred)).item()
    assert losses["random_perceptual"].item() == pytest.approx(expected, rel=1e-5)
    assert "perceptual" not in losses


def test_without_a_blur_encoder_all_images_have_one_code(sharp: Tensor, blurred: Tensor) -> None:
    networks = TrainingNetworks(CONFIG, BranchConfig(discriminator_width=4, blur_encoder=False))
    images = papers(networks).translate(sharp, blurred)
    assert images.code.shape == (2, 8)
    assert not images.code.any()
    losses = papers(networks).generator_losses(sharp, blurred, images)
    assert losses["kl"].item() == 0
    torch.testing.assert_close(networks.restore(blurred, torch.zeros(2, 8)), images.restored)
    assert not reached(networks, losses) & names(networks, "deblur_model.blur_encoder.")


def test_discriminators_of_random_codes_can_have_real_images_of_their_own(sharp: Tensor, blurred: Tensor) -> None:
    networks, weights = WithRandomCodes(), LossWeights(random_code=1.0)
    objective = UnpairedObjective(networks, ObjectiveConfig(random_half=True), weights)
    (first_sharp, second_sharp), (first_blurred, second_blurred) = objective.split(sharp), objective.split(blurred)
    assert torch.equal(torch.cat([first_sharp, second_sharp]), sharp)
    images = objective.translate(first_sharp, first_blurred)
    assert images.random_restored is not None
    assert images.random_blurred is not None
    found = objective.discriminator_losses(first_sharp, first_blurred, images, (), (second_sharp, second_blurred))
    of_sharp = F.softplus(-3 * second_sharp.mean()) + F.softplus(3 * images.random_restored.mean())
    of_blurred = F.softplus(-5 * second_blurred.mean()) + F.softplus(5 * images.random_blurred.mean())
    torch.testing.assert_close(found["discriminator_random"], of_sharp + of_blurred)
    whole = UnpairedObjective(networks, ObjectiveConfig(), weights).split(sharp)
    assert all(torch.equal(part, sharp) for part in whole)
