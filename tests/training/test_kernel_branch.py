from __future__ import annotations

import torch

from udsd.training.kernel_branch import KernelGenerator


def test_kernels_are_weights_that_sum_to_one() -> None:
    kernels = KernelGenerator(8, 9).kernels(torch.randn(5, 8))
    assert kernels.shape == (5, 9, 9)
    assert (kernels >= 0).all()
    torch.testing.assert_close(kernels.sum(dim=(1, 2)), torch.ones(5))


def test_blurring_keeps_size_and_flat_colours() -> None:
    branch = KernelGenerator(8, 9)
    colours = torch.tensor([-0.5, 0.0, 0.75]).view(1, 3, 1, 1).expand(2, 3, 20, 24)
    blurred = branch(colours, torch.randn(2, 8))
    torch.testing.assert_close(blurred, colours, atol=1e-5, rtol=0)


def test_the_code_decides_the_blur_and_can_be_learnt() -> None:
    branch = KernelGenerator(8, 5)
    sharp = torch.rand(2, 3, 16, 16)
    code = torch.randn(2, 8, requires_grad=True)
    first, second = branch(sharp, code), branch(sharp, 3 * code)
    assert not torch.allclose(first, second)
    first.square().sum().backward()  # type: ignore[no-untyped-call]
    assert code.grad is not None
    assert code.grad.abs().sum() > 0
