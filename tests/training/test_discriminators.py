from __future__ import annotations

import math

import pytest
import torch

from udsd.training.discriminators import MultiScaleDiscriminator


@pytest.mark.parametrize(("side", "sides"), [(64, [4, 2, 1]), (32, [2, 1, 1]), (16, [1, 1, 1])])
def test_logits_of_patches_at_three_scales(side: int, sides: list[int]) -> None:
    logits = MultiScaleDiscriminator(4)(torch.zeros(2, 3, side, side))
    assert [tuple(scale.shape) for scale in logits] == [(2, 1, expected, expected) for expected in sides]


@pytest.mark.parametrize(("side", "sides"), [(128, [8, 4, 2]), (64, [4, 2, 1])])
def test_kernels_of_four_pixels_halve_as_well(side: int, sides: list[int]) -> None:
    discriminator = MultiScaleDiscriminator(4, kernel_size=4)
    logits = discriminator(torch.zeros(1, 3, side, side))
    assert [tuple(scale.shape) for scale in logits] == [(1, 1, expected, expected) for expected in sides]
    assert {kernel.kernel_size for kernel in kernels(discriminator)} == {(4, 4), (1, 1)}


def test_scales_have_weights_of_their_own_and_all_see_the_image() -> None:
    discriminator = MultiScaleDiscriminator(4)
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    for logits in discriminator(image):
        (gradient,) = torch.autograd.grad(logits.sum(), image, retain_graph=True)
        assert gradient.abs().sum() > 0
    parameters = list(discriminator.parameters())
    assert len(parameters) == len({id(parameter) for parameter in parameters}) == 3 * 5 * 2


def test_widths_double_from_the_first_to_the_fourth_convolution() -> None:
    scale = MultiScaleDiscriminator(4).scales[0]
    widths = [layer.out_channels for layer in scale.children() if isinstance(layer, torch.nn.Conv2d)]
    assert widths == [4, 8, 16, 32, 1]


def test_a_flat_image_is_the_same_at_every_scale() -> None:
    """Averaging must not count the padding in, which would darken the borders of the smaller images."""
    discriminator = MultiScaleDiscriminator(4)
    for scale in discriminator.scales[1:]:
        scale.load_state_dict(discriminator.scales[0].state_dict())
    full, half, _ = discriminator(torch.full((1, 3, 128, 128), 0.7))
    torch.testing.assert_close(full[..., :1, :1], half[..., :1, :1])


def kernels(discriminator: MultiScaleDiscriminator) -> list[torch.nn.Conv2d]:
    return [module for module in discriminator.modules() if isinstance(module, torch.nn.Conv2d)]


def test_weights_begin_as_asked_for() -> None:
    for convolution in kernels(MultiScaleDiscriminator(64, init="normal")):
        assert convolution.weight.std().item() == pytest.approx(0.02, rel=0.15)
        assert convolution.bias is not None
        assert not convolution.bias.any()
    for convolution in kernels(MultiScaleDiscriminator(64, init="kaiming")):
        inputs = convolution.weight[0].numel()
        assert convolution.weight.std().item() == pytest.approx(math.sqrt(2 / (1 + 0.2**2) / inputs), rel=0.15)
        assert convolution.bias is not None
        assert not convolution.bias.any()
    torch.manual_seed(3)
    default = MultiScaleDiscriminator(4)
    torch.manual_seed(3)
    (first, *_) = kernels(default)
    torch.testing.assert_close(first.weight, torch.nn.Conv2d(3, 4, 3).weight)


def test_gradients_of_a_map_of_one_pixel_are_written_everywhere() -> None:
    """In bfloat16, too, where oneDNN leaves those of taps that see only padding as the memory was."""
    torch.manual_seed(0)
    discriminator = MultiScaleDiscriminator(8)
    weight = kernels(discriminator)[-2].weight
    image = torch.rand(2, 3, 32, 32)
    for _ in range(20):
        left = [torch.full((size,), math.nan) for size in (weight.numel() // 2, weight.numel(), 2 * weight.numel())]
        del left
        with torch.autocast("cpu", torch.bfloat16):
            logits = discriminator(image)
        (gradient,) = torch.autograd.grad(logits[-1].float().sum(), weight)
        assert gradient[:, :, 1, 1].abs().sum() > 0
        gradient[:, :, 1, 1] = 0
        assert gradient.eq(0).all()
