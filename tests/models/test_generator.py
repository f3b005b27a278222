from __future__ import annotations

import torch
from torch import Tensor

from udsd.models import Generator, ModelConfig

CONFIG = ModelConfig(base_width=4, residual_blocks=2, blur_code_size=3)


def content(batch: int = 2) -> Tensor:
    return torch.randn(batch, 16, 5, 7)


def test_an_image_of_four_times_the_size_comes_out() -> None:
    assert Generator(CONFIG)(content(), torch.randn(2, 3)).shape == (2, 3, 20, 28)


def test_the_code_acts_in_each_upsampling_and_not_in_the_residual_blocks() -> None:
    """In the blocks instance normalisation takes constant planes out again (the strips build on it)."""
    generator, features = Generator(CONFIG), content(1)
    inside = [generator.blocks(torch.cat([features, torch.full((1, 3, 5, 7), value)], dim=1)) for value in (0.0, 5.0)]
    torch.testing.assert_close(inside[0][:, :16], inside[1][:, :16], atol=1e-4, rtol=1e-4)
    # What reads the code: planes that ride along the residual blocks, and planes that each layer is given anew.
    readers = ((generator.up1, 2 * 3), (generator.up2, 3), (generator.to_image, 3))
    for layer, planes in readers:
        results = [generator(features, torch.full((1, 3), value)) for value in (0.0, 5.0)]
        assert not torch.allclose(*results, atol=1e-3)
        layer.weight.data[-planes:] = 0
    silent = [generator(features, torch.full((1, 3), value)) for value in (0.0, 5.0)]
    torch.testing.assert_close(*silent, atol=1e-4, rtol=1e-4)


def test_gradients_reach_the_code() -> None:
    code = torch.zeros(1, 3, requires_grad=True)
    Generator(CONFIG)(content(1), code).square().sum().backward()  # type: ignore[no-untyped-call]
    assert code.grad is not None
    assert (code.grad != 0).all()
