"""The loss of the network that reads blur from signatures."""

import pytest
import torch
from torch.nn import functional as F

from udsd.estimation.likelihood import Likelihood
from udsd.estimation.reader import weighted_likelihood


@pytest.fixture
def numbers() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A mean and a log-variance, which are trained, and a target."""
    mean, log_variance, target = torch.randn(3, 20, 4)
    return mean.requires_grad_(), log_variance.requires_grad_(), target


def test_without_weights_it_is_the_likelihood(numbers: tuple[torch.Tensor, ...]) -> None:
    mean, log_variance, target = numbers
    expected = F.gaussian_nll_loss(mean, target, log_variance.exp())
    torch.testing.assert_close(weighted_likelihood(mean, log_variance, target, 0.0), expected)


def test_with_whole_weights_the_mean_learns_from_the_squared_error(numbers: tuple[torch.Tensor, ...]) -> None:
    mean, log_variance, target = numbers
    (gradient,) = torch.autograd.grad(weighted_likelihood(mean, log_variance, target, 1.0), mean)
    torch.testing.assert_close(gradient, (mean - target).detach() / mean.numel())


def test_weights_keep_what_seems_sure_from_outweighing_the_rest(numbers: tuple[torch.Tensor, ...]) -> None:
    mean, _, target = numbers
    sure = torch.full_like(target, -7.0)
    plain, half = (
        torch.autograd.grad(weighted_likelihood(mean, sure, target, beta), mean)[0].norm() for beta in (0.0, 0.5)
    )
    assert half / plain == pytest.approx(torch.tensor(-3.5).exp().item())


def test_the_best_variance_stays_the_mean_square_of_the_errors(numbers: tuple[torch.Tensor, ...]) -> None:
    mean, _, target = numbers
    best = (mean - target).detach().square().mean().log().expand_as(target).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(weighted_likelihood(mean, best, target, 0.5), best)
    assert gradient.sum().item() == pytest.approx(0, abs=1e-6)


def test_the_likelihood_of_few_images_is_one() -> None:
    random = torch.Generator().manual_seed(0)
    coordinates = torch.randn(40, 32, generator=random)
    readings = coordinates + 300 * torch.randn(40, 3, generator=random) @ torch.randn(3, 32, generator=random)
    likelihood = Likelihood.fitted(coordinates, readings)
    assert likelihood.log(readings, coordinates).isfinite().all()
