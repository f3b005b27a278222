from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from udsd.training.path_branch import PathBlurGenerator


@pytest.fixture
def branch() -> PathBlurGenerator:
    torch.manual_seed(0)
    return PathBlurGenerator(8, 33)


def second_moments(kernels: Tensor) -> tuple[Tensor, Tensor]:
    """Of kernels (B, K, K): centres of mass (B, 2) and mean distances from the middle (B,), in pixels."""
    offsets = torch.arange(kernels.shape[-1]) - float(kernels.shape[-1] // 2)
    columns, rows = kernels.sum(dim=1), kernels.sum(dim=2)
    centres = torch.stack([columns @ offsets, rows @ offsets], dim=1)
    return centres, ((columns + rows) @ offsets.square()).sqrt()


def test_kernels_are_weights_that_sum_to_one(branch: PathBlurGenerator) -> None:
    kernels = branch.kernels(torch.randn(50, 8))
    assert kernels.shape == (50, 33, 33)
    assert (kernels >= 0).all()
    torch.testing.assert_close(kernels.sum(dim=(1, 2)), torch.ones(50))


def test_codes_are_blurs_of_many_sizes_before_any_training(branch: PathBlurGenerator) -> None:
    centres, sizes = second_moments(branch.kernels(torch.randn(200, 8)))
    assert centres.abs().max() < 0.1  # no blur moves the image
    assert 2 < sizes.median() < 4
    assert sizes.quantile(0.95) > 2 * sizes.quantile(0.05)


def test_paths_that_reach_too_far_are_scaled_down_not_cut(branch: PathBlurGenerator) -> None:
    kernels = branch.kernels(100 * torch.randn(50, 8))
    centres, _ = second_moments(kernels)
    assert centres.abs().max() < 0.2
    assert kernels.isfinite().all()


def test_blurring_keeps_size_and_flat_colours(branch: PathBlurGenerator) -> None:
    colours = torch.tensor([-0.5, 0.0, 0.75]).view(1, 3, 1, 1).expand(2, 3, 40, 36)
    blurred = branch.reblur(colours, torch.randn(2, 8))
    torch.testing.assert_close(blurred, colours, atol=1e-5, rtol=0)


def test_noise_has_the_strength_the_code_asks_for(branch: PathBlurGenerator) -> None:
    *_, last = [layer for layer in branch.decode if isinstance(layer, nn.Linear)]
    nn.init.constant_(last.bias[-1:], 5.0)  # softplus(5) = 5.0067 grey levels
    code, flat = torch.randn(2, 8), torch.zeros(2, 3, 100, 100)
    assert (branch(flat, code).std() * 255 / 2).item() == pytest.approx(5.0067, rel=0.05)


def test_the_code_decides_the_blur_and_both_can_be_learnt(branch: PathBlurGenerator) -> None:
    sharp, code = torch.rand(2, 3, 40, 40), torch.randn(2, 8, requires_grad=True)
    assert not torch.allclose(branch.reblur(sharp, code), branch.reblur(sharp, 3 * code))
    branch(sharp, code).square().sum().backward()
    assert code.grad is not None
    assert code.grad.abs().sum() > 0
    assert all(parameter.grad is not None for parameter in branch.parameters())


def test_the_way_back_teaches_the_code_and_the_image_but_not_the_paths(branch: PathBlurGenerator) -> None:
    restored, code = torch.rand(2, 3, 40, 40, requires_grad=True), torch.randn(2, 8, requires_grad=True)
    branch.reblur(restored, code).square().sum().backward()
    assert code.grad is not None
    assert restored.grad is not None
    assert all(parameter.grad is None for parameter in branch.parameters())


def test_a_code_of_zero_is_no_blur_before_any_training(branch: PathBlurGenerator) -> None:
    """All biases are zero, so the path is a point, drawn as a Gaussian of 0.45 px."""
    (kernel,) = branch.kernels(torch.zeros(1, 8))
    profile = torch.exp(-0.5 * ((torch.arange(33.0) - 16) / 0.45).square())
    expected = torch.outer(profile, profile)
    torch.testing.assert_close(kernel, expected / expected.sum(), atol=1e-5, rtol=0)


def test_every_amplitude_depends_on_the_code_and_the_noise_does_not_before_any_training(
    branch: PathBlurGenerator,
) -> None:
    decoded = branch.decode(torch.randn(200, 8))
    assert decoded.shape == (200, 2 * 8 + 1)  # the amplitudes of eight cosines along each side, and the noise
    spread = decoded.std(dim=0)
    assert spread[:-1].min() > 1
    assert spread[:-1].max() < 8
    assert (decoded[:, -1] == 0).all()


def test_paths_are_run_through_at_constant_speed(branch: PathBlurGenerator) -> None:
    """The first cosine alone: a straight path of length 2 A, slow at its ends if time ran with the parameter."""
    amplitude = 6.0
    _only_amplitude(branch, column=0, value=amplitude)
    (kernel,) = branch.kernels(torch.zeros(1, 8))
    columns, rows = kernel.sum(dim=0), kernel.sum(dim=1)
    offsets = torch.arange(33.0) - 16
    # The variances of a uniform line of that length and of the Gaussian that its points are drawn as.
    assert (columns @ offsets.square()).item() == pytest.approx((2 * amplitude) ** 2 / 12 + 0.45**2, rel=0.01)
    assert rows[15:18].sum() > 0.999
    inner = columns[16 - 4 : 16 + 5]
    assert inner.max() / inner.min() < 1.05


def test_the_second_cosine_has_half_the_amplitude_and_runs_there_and_back(branch: PathBlurGenerator) -> None:
    _only_amplitude(branch, column=1, value=8.0)
    (kernel,) = branch.kernels(torch.zeros(1, 8))
    offsets = torch.arange(33.0) - 16
    assert (kernel.sum(dim=0) @ offsets.square()).item() == pytest.approx(8.0**2 / 12 + 0.45**2, rel=0.02)


def test_paths_that_reach_the_border_are_scaled_to_it(branch: PathBlurGenerator) -> None:
    _only_amplitude(branch, column=0, value=100.0)
    (kernel,) = branch.kernels(torch.zeros(1, 8))
    columns = kernel.sum(dim=0)
    offsets = torch.arange(33.0) - 16
    assert (columns @ offsets.square()).item() == pytest.approx(32**2 / 12, rel=0.02)


def test_a_path_is_the_sum_of_its_cosines_at_128_points(branch: PathBlurGenerator) -> None:
    """Point by point, in plain numbers."""
    amplitudes = torch.randn(2, 8, generator=torch.Generator().manual_seed(1)).mul(4).tolist()
    *_, last = [layer for layer in branch.decode if isinstance(layer, nn.Linear)]
    nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias[:-1] = torch.tensor(amplitudes).flatten()
    points = [
        [
            sum(
                amplitude * math.cos(math.pi * (order + 1) * (point + 0.5) / 128) / (order + 1)
                for order, amplitude in enumerate(side)
            )
            for side in amplitudes
        ]
        for point in range(128)
    ]
    lengths = [math.dist(one, other) for one, other in pairwise(points)]
    middles = [[(a + b) / 2 for a, b in zip(one, other, strict=True)] for one, other in pairwise(points)]
    centre = [
        sum(length * middle[side] for length, middle in zip(lengths, middles, strict=True)) / sum(lengths)
        for side in (0, 1)
    ]
    expected = torch.zeros(33, 33, dtype=torch.float64)
    for length, (x, y) in zip(lengths, middles, strict=True):
        columns, rows = (
            torch.exp(-0.5 * ((at - torch.arange(-16.0, 17.0, dtype=torch.float64)) / 0.45).square())
            for at in (x - centre[0], y - centre[1])
        )
        expected += length * torch.outer(rows, columns)
    (kernel,) = branch.kernels(torch.zeros(1, 8))
    torch.testing.assert_close(kernel.double(), expected / expected.sum(), atol=2e-6, rtol=0)


def test_the_margin_is_mirrored(branch: PathBlurGenerator) -> None:
    _only_amplitude(branch, column=0, value=6.0)
    sharp = torch.rand(1, 3, 40, 36)
    code = torch.zeros(1, 8)
    padded = F.pad(sharp, [16] * 4, mode="reflect")
    expected = F.conv2d(padded[0][:, None], branch.kernels(code).flip(1, 2)[:, None])[:, 0]
    torch.testing.assert_close(branch.reblur(sharp, code)[0], expected, atol=1e-5, rtol=0)


def test_weights_keep_the_names_that_saved_states_have(branch: PathBlurGenerator) -> None:
    layers = [f"decode.{number}.{kind}" for number in (0, 2, 4) for kind in ("weight", "bias")]
    assert list(branch.state_dict()) == layers


def _only_amplitude(branch: PathBlurGenerator, *, column: int, value: float) -> None:
    """Let every code decode into one amplitude of one cosine along x."""
    *_, last = [layer for layer in branch.decode if isinstance(layer, nn.Linear)]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    with torch.no_grad():
        last.bias[column] = value
