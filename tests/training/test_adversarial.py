from __future__ import annotations

import pytest
import torch

from udsd.training.adversarial import ADVERSARIAL_FORMS, r1_penalty


def logits(value: float) -> list[torch.Tensor]:
    return [torch.full((2, 1, 4, 4), value), torch.full((2, 1, 2, 2), value)]


def test_least_squares_by_hand() -> None:
    form = ADVERSARIAL_FORMS["least_squares"]
    assert form.discriminator_loss(logits(0.5), logits(0.25)).item() == pytest.approx(2 * (0.25 + 0.0625))
    assert form.generator_loss(logits(0.25)).item() == pytest.approx(2 * 0.5625)


def test_hinge_by_hand() -> None:
    form = ADVERSARIAL_FORMS["hinge"]
    assert form.discriminator_loss(logits(0.5), logits(-3.0)).item() == pytest.approx(2 * 0.5)
    assert form.discriminator_loss(logits(2.0), logits(0.5)).item() == pytest.approx(2 * 1.5)
    assert form.generator_loss(logits(0.5)).item() == pytest.approx(2 * -0.5)


@pytest.mark.parametrize("name", ["log", "least_squares", "hinge"])
def test_every_form_rewards_telling_apart_and_fooling(name: str) -> None:
    form = ADVERSARIAL_FORMS[name]  # type: ignore[index]
    assert form.discriminator_loss(logits(0.9), logits(-0.9)) < form.discriminator_loss(logits(0.0), logits(0.0))
    assert form.generator_loss(logits(0.9)) < form.generator_loss(logits(0.0))


def test_r1_of_a_linear_discriminator_is_its_squared_weight() -> None:
    weight = torch.randn(3, 4, 4)
    real = torch.randn(5, 3, 4, 4, requires_grad=True)
    scores = (real * weight).sum(dim=(1, 2, 3))
    assert r1_penalty([scores], real).item() == pytest.approx(weight.square().sum().item(), rel=1e-4)


@pytest.mark.parametrize("name", ["log", "least_squares", "hinge"])
def test_positions_are_averaged_and_scales_added(name: str) -> None:
    form = ADVERSARIAL_FORMS[name]  # type: ignore[index]
    coarse, fine = torch.tensor([[[[0.3]]]]), torch.tensor([[[[-0.4, 0.8], [0.1, 0.5]]]])
    one_by_one = [form.generator_loss([torch.full((1, 1, 1, 1), value)]) for value in (-0.4, 0.8, 0.1, 0.5)]
    expected = form.generator_loss([coarse]) + torch.stack(one_by_one).mean()
    torch.testing.assert_close(form.generator_loss([coarse, fine]), expected)
    both = form.discriminator_loss([coarse], [coarse]) + form.discriminator_loss([fine], [fine])
    torch.testing.assert_close(form.discriminator_loss([coarse, fine], [coarse, fine]), both)
    # Real and generated images are not taken for each other.
    apart = form.discriminator_loss([torch.ones(1)], [-torch.ones(1)])
    assert apart < form.discriminator_loss([-torch.ones(1)], [torch.ones(1)])


def test_r1_adds_the_scales_and_can_be_differentiated() -> None:
    weight = torch.randn(3, 4, 4, requires_grad=True)
    real = torch.randn(2, 3, 4, 4, requires_grad=True)
    scores = (real * weight).sum(dim=(1, 2, 3))
    penalty = r1_penalty([scores, 2 * scores], real)
    assert penalty.item() == pytest.approx(9 * weight.square().sum().item(), rel=1e-4)
    penalty.backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, 18 * weight.detach())
