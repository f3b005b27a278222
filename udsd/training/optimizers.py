"""The optimizers of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from udsd.errors import ConfigError

OptimizerName = Literal["adam", "muon"]

_MUON_CHANNELS = 8
"""Kernels with fewer channels on a side read or write the image: there is little to orthogonalise."""


def make_optimizer(
    name: OptimizerName, parameters: Iterable[nn.Parameter], betas: tuple[float, float]
) -> torch.optim.Optimizer:
    """The optimizer of that name; its rate is set before each step.

    Raises:
        ConfigError: PyTorch is too old for it.
    """
    if name == "adam":
        return torch.optim.Adam(parameters, betas=betas, fused=True)
    if not hasattr(torch.optim, "Muon"):
        raise ConfigError(f"Muon needs PyTorch 2.9 or newer, this is {torch.__version__}; take optimizer = 'adam'")
    return MuonAndAdam(parameters, betas)


class MuonAndAdam(torch.optim.Optimizer):
    """Muon for the kernels of convolutions, Adam for all else.

    Muon (Jordan et al., 2024) makes the steps of a matrix orthogonal, so that rare directions are learnt as fast as
    common ones. PyTorch's takes matrices only; it sees each kernel as one of (channels, all else). Its steps are
    scaled to be as large as Adam's, so that one learning rate serves both.

    Args:
        parameters: Parameters in their final place and memory format.
        betas: Adam's decay rates of the two moments.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], betas: tuple[float, float]) -> None:
        super().__init__(parameters, {"lr": 0.0})
        every = self.param_groups[0]["params"]
        self._kernels = [kernel for kernel in every if kernel.dim() == 4 and min(kernel.shape[:2]) >= _MUON_CHANNELS]
        # Views, through which the kernels are changed.
        self._matrices = [_rows_first(kernel.detach(), kernel).view(len(kernel), -1) for kernel in self._kernels]
        taken = {id(kernel) for kernel in self._kernels}
        rest = [parameter for parameter in every if id(parameter) not in taken]
        muon = torch.optim.Muon(self._matrices, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
        self._parts = {"muon": muon, "adam": torch.optim.Adam(rest, betas=betas, fused=True)}

    def step(self) -> None:  # type: ignore[override]
        """Change all parameters by their gradients, at the rate of the first group."""
        for matrix, kernel in zip(self._matrices, self._kernels, strict=True):
            matrix.grad = None if kernel.grad is None else _rows_first(kernel.grad, kernel).flatten(1)
        for part in self._parts.values():
            part.param_groups[0]["lr"] = self.param_groups[0]["lr"]
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The state of both."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        for name, part in self._parts.items():
            part.load_state_dict(state_dict[name])


def _rows_first(tensor: Tensor, kernel: Tensor) -> Tensor:
    """A kernel, or its gradient, in the order that the kernel has in memory: plain, or channels last."""
    return tensor if kernel.is_contiguous() else tensor.permute(0, 2, 3, 1)
