from __future__ import annotations

import pytest
import torch

from udsd.models import DeblurModel, ModelConfig
from udsd.training.average import AveragedModel


@pytest.fixture
def model() -> DeblurModel:
    return DeblurModel(ModelConfig(base_width=4, residual_blocks=1))


def test_a_short_run_is_averaged_over_its_end(model: DeblurModel) -> None:
    """Weights that rise from 0 to 1 in 700 steps: the average lags by about a tenth of them."""
    average = AveragedModel(model, 0.999)
    for step in range(700):
        torch.nn.init.constant_(model.generator.to_image.weight, step / 699)
        average.update(model)
    assert 0.88 < average.module.generator.to_image.weight.mean().item() < 0.92


def test_a_long_run_reaches_the_highest_decay(model: DeblurModel) -> None:
    average = AveragedModel(model, 0.5)
    for _ in range(20):
        average.update(model)
    before = average.module.generator.to_image.weight.clone()
    torch.nn.init.constant_(model.generator.to_image.weight, 3.0)
    average.update(model)
    torch.testing.assert_close(average.module.generator.to_image.weight, (before + 3) / 2)


def test_without_decay_it_is_the_newest_weights(model: DeblurModel) -> None:
    average = AveragedModel(model, 0.0)
    torch.nn.init.constant_(model.generator.to_image.weight, 3.0)
    average.update(model)
    assert (average.module.generator.to_image.weight == 3).all()
    assert model.generator.to_image.weight.requires_grad
    assert not average.module.generator.to_image.weight.requires_grad


def test_it_goes_on_from_its_state(model: DeblurModel) -> None:
    first, second = AveragedModel(model, 0.999), AveragedModel(model, 0.999)
    first.update(model)
    second.load_state_dict(first.state_dict())
    torch.nn.init.constant_(model.generator.to_image.weight, 3.0)
    for average in (first, second):
        average.update(model)
    assert all(torch.equal(first.state_dict()[name], value) for name, value in second.state_dict().items())
    assert AveragedModel.weights_in(first.state_dict()).keys() == model.state_dict().keys()
