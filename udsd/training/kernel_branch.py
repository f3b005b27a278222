"""The kernel-form blur branch: G_B as physics with a learnt kernel. Not in the paper."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from udsd.models.blocks import LEAKY_SLOPE
from udsd.training.blur import apply_kernels

_HIDDEN = 128


class KernelGenerator(nn.Module):
    """Decode a blur code into one blur kernel, which blurs the whole image.

    It stands in for the content encoder E_S^c and the generator G_B where the blur is uniform over the image. A kernel
    cannot hide the sharp image in the blurred one, nor change its colours, and has only K x K numbers to learn.

    Args:
        code_size: Length Z of the blur code.
        kernel_size: Side K of the kernel in pixels, odd.
    """

    def __init__(self, code_size: int, kernel_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.decode = nn.Sequential(
            nn.Linear(code_size, _HIDDEN),
            nn.LeakyReLU(LEAKY_SLOPE),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.LeakyReLU(LEAKY_SLOPE),
            nn.Linear(_HIDDEN, kernel_size**2),
        )

    def kernels(self, code: Tensor) -> Tensor:
        """Codes (B, Z) to kernels (B, K, K), not negative, each summing to 1."""
        weights: Tensor = self.decode(code).float().softmax(dim=1)
        return weights.view(-1, self.kernel_size, self.kernel_size)

    def forward(self, sharp: Tensor, code: Tensor) -> Tensor:
        """Blur images (B, 3, H, W), continued by reflection at their borders, by the kernels of codes (B, Z)."""
        margin = self.kernel_size // 2
        return apply_kernels(F.pad(sharp.float(), [margin] * 4, mode="reflect"), self.kernels(code))
