from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal
from torch.distributions.kl import kl_divergence as torchs_kl_divergence

from udsd.errors import ConfigError
from udsd.training.adversarial import ADVERSARIAL_FORMS
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
    weighted_sum,
)

LOG_2 = math.log(2)
discriminator_loss = ADVERSARIAL_FORMS["log"].discriminator_loss
adversarial_loss = ADVERSARIAL_FORMS["log"].generator_loss


def test_kl_divergence_by_hand() -> None:
    mean, log_variance = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, math.log(4)]])
    by_hand = 0.5 * ((1 + 1 - 0 - 1) + (4 + 4 - math.log(4) - 1))
    assert kl_divergence(mean, log_variance).item() == pytest.approx(by_hand)


def test_kl_divergence_sums_over_the_code_and_averages_over_the_batch() -> None:
    mean, log_variance = torch.randn(5, 8), torch.randn(5, 8)
    normal = Normal(mean, torch.exp(0.5 * log_variance))
    expected = torchs_kl_divergence(normal, Normal(torch.tensor(0.0), torch.tensor(1.0))).sum(dim=1).mean()
    torch.testing.assert_close(kl_divergence(mean, log_variance), expected)
    assert kl_divergence(torch.zeros(2, 8), torch.zeros(2, 8)) == 0


def test_undecided_discriminators_lose_two_log_two_at_each_scale() -> None:
    logits = [torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 2, 2), torch.zeros(2, 1, 1, 1)]
    assert discriminator_loss(logits, logits).item() == pytest.approx(3 * 2 * LOG_2)
    assert adversarial_loss(logits).item() == pytest.approx(3 * LOG_2)


def test_log_losses_at_known_probabilities() -> None:
    three_quarters = [torch.full((1, 1, 2, 2), math.log(3))]  # sigmoid(log 3) = 3/4
    one_half = [torch.zeros(1, 1, 2, 2)]
    assert discriminator_loss(three_quarters, one_half).item() == pytest.approx(-math.log(3 / 4) + LOG_2)
    assert discriminator_loss(one_half, three_quarters).item() == pytest.approx(LOG_2 - math.log(1 / 4))
    assert adversarial_loss(three_quarters).item() == pytest.approx(-math.log(3 / 4))


def test_a_fooled_generator_has_no_loss_and_a_caught_one_still_learns() -> None:
    assert adversarial_loss([torch.full((1, 1, 1, 1), 50.0)]).item() == pytest.approx(0, abs=1e-6)
    caught = torch.full((1, 1, 1, 1), -50.0, requires_grad=True)
    adversarial_loss([caught]).backward()  # type: ignore[no-untyped-call]
    assert caught.grad is not None
    assert caught.grad.item() == pytest.approx(-1)  # the saturating form would give 0


def test_discriminators_must_have_the_same_scales() -> None:
    with pytest.raises(ValueError, match="zip"):
        discriminator_loss([torch.zeros(1)], [torch.zeros(1), torch.zeros(1)])


def test_cycle_consistency_is_the_mean_distance() -> None:
    image = torch.rand(2, 3, 4, 4)
    back = image.clone()
    back[0] -= 0.5
    assert cycle_consistency_loss(image, back).item() == pytest.approx(0.25)
    assert cycle_consistency_loss(image, image) == 0


def test_perceptual_loss_is_the_mean_squared_distance() -> None:
    assert perceptual_loss(torch.full((1, 2, 3, 3), 3.0), torch.ones(1, 2, 3, 3)).item() == pytest.approx(4)


def test_restoration_is_measured_straight_and_squared() -> None:
    losses = restoration_losses(torch.full((1, 3, 2, 2), 0.5), torch.full((1, 3, 2, 2), 0.1))
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(
        {"restoration": 0.4, "restoration_squared": 0.16}
    )


def test_weighted_sum_takes_the_weight_of_each_name() -> None:
    weights = LossWeights(adversarial_sharp=2.0, cycle_sharp=3.0, kl=0.5)
    losses = {"adversarial_sharp": torch.tensor(1.0), "cycle_sharp": torch.tensor(10.0), "kl": torch.tensor(100.0)}
    assert weighted_sum(losses, weights).item() == pytest.approx(2 + 30 + 50)


def test_the_papers_weights_are_the_defaults() -> None:
    weights = LossWeights()
    assert (weights.adversarial_sharp, weights.adversarial_blurred) == (1, 1)
    assert (weights.cycle_sharp, weights.cycle_blurred, weights.kl, weights.perceptual) == (10, 10, 0.01, 0.1)
    further = ("identity", "random_code", "latent", "low_frequency", "r1", "restoration_perceptual")
    assert all(getattr(weights, name) == 0 for name in further)
    assert (weights.restoration, weights.restoration_squared) == (2.5, 10)  # the warm start's, which is not the paper's


@pytest.mark.parametrize(
    "name",
    ["adversarial_sharp", "cycle_sharp", "cycle_blurred", "kl", "perceptual", "restoration", "restoration_squared"],
)
@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_weights_that_are_no_weights_are_refused_by_name(name: str, weight: float) -> None:
    with pytest.raises(ConfigError, match=f"weight of the {name} loss is {weight}"):
        LossWeights(**{name: weight})


def test_images_are_shrunk_to_their_shorter_side_by_means() -> None:
    images = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    small = shrunk_to(images, 8)
    assert small.shape == (2, 3, 8, 12)
    assert small.dtype == torch.float32
    torch.testing.assert_close(small.mean(), images.float().mean(), atol=0.01, rtol=0)
    small.sum().backward()
    assert images.grad is not None
    assert (images.grad > 0).all()  # every pixel counts
    for size in (0, 16, 40):
        assert shrunk_to(images, size) is images


def test_identity_is_the_mean_distance() -> None:
    assert identity_loss(torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), -0.3)).item() == pytest.approx(0.3)


def test_latent_regression_is_the_mean_distance_and_not_its_square() -> None:
    code, encoded = torch.tensor([[1.0, -2.0]]), torch.tensor([[1.5, -2.1]])
    assert latent_regression_loss(code, encoded).item() == pytest.approx((0.5 + 0.1) / 2)


def test_low_frequencies_are_means_over_squares_of_eight_pixels() -> None:
    blurred = torch.zeros(1, 3, 16, 16)
    restored = blurred.clone()
    restored[..., :8, :8] = 0.5
    # A quarter of the squares differs by a half; the square of it would be a quarter.
    assert low_frequency_loss(restored, blurred).item() == pytest.approx(0.5 / 4)
    stripes = torch.tensor([0.5, -0.5]).repeat(8).expand(1, 3, 16, 16)
    assert low_frequency_loss(stripes, blurred).item() == pytest.approx(0, abs=1e-7)
    assert low_frequency_loss(stripes.repeat_interleave(8, dim=3), torch.zeros(1, 3, 16, 128)).item() == pytest.approx(
        0.5
    )
    assert low_frequency_loss(stripes, blurred, factor=1).item() == pytest.approx(0.5)


def test_a_weight_of_zero_is_a_weight() -> None:
    weights = LossWeights(kl=0.0, perceptual=0.0)
    assert weighted_sum({"kl": torch.tensor(5.0), "cycle_sharp": torch.tensor(1.0)}, weights).item() == 10
