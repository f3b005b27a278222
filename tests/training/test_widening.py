from __future__ import annotations

import pytest
import torch

from tests.measures import decibels
from udsd.errors import ConfigError
from udsd.models import DeblurModel, ModelConfig
from udsd.training.widening import widened


def trained(**settings: int | bool) -> DeblurModel:
    """A model none of whose weights is at its initial value: some begin as zero."""
    torch.manual_seed(0)
    model = DeblurModel(ModelConfig(base_width=4, residual_blocks=2, blur_code_size=3, **settings))  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


@pytest.mark.parametrize("base_width", [4, 8, 12])
@pytest.mark.parametrize("residual_output", [False, True])
def test_a_wider_model_restores_as_the_narrow_one(base_width: int, residual_output: bool) -> None:
    narrow = trained(residual_output=residual_output)
    wide = widened(narrow, base_width)
    assert wide.config.base_width == base_width
    image = torch.rand(2, 3, 36, 28) * 2 - 1
    with torch.inference_mode():
        assert decibels(wide(image), narrow(image)) > 110
        for ours, theirs in zip(wide.encode_blur(image), narrow.encode_blur(image), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_copies_of_a_channel_get_gradients_of_their_own() -> None:
    wide = widened(trained(), 8)
    wide(torch.rand(2, 3, 32, 32) * 2 - 1).square().mean().backward()
    encoder = wide.content_encoder
    for convolution in (encoder.stem, encoder.down1, encoder.down2, encoder.blocks[0].conv1, encoder.blocks[1].conv2):
        gradient = convolution.weight.grad
        assert isinstance(gradient, torch.Tensor)
        first, second = gradient.chunk(2)
        assert (first - second).abs().max() > 0.01 * gradient.abs().max()


def test_the_smallest_number_that_can_be_drawn_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = trained()
    monkeypatch.setattr(torch, "rand", lambda shape, generator: torch.zeros(shape))
    wide = widened(narrow, 8)
    monkeypatch.undo()
    image = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        assert decibels(wide(image), narrow(image)) > 110


def test_the_narrow_model_is_left_alone() -> None:
    narrow = trained()
    before = {name: tensor.clone() for name, tensor in narrow.state_dict().items()}
    with torch.no_grad():
        for parameter in widened(narrow, 8).parameters():
            parameter.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in narrow.state_dict().items())


@pytest.mark.parametrize("base_width", [2, 6])
def test_a_width_that_is_no_multiple_is_refused(base_width: int) -> None:
    with pytest.raises(ConfigError, match="multiple"):
        widened(trained(), base_width)
