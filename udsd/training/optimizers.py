"""The optimizers of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from udsd.errors import ConfigError

OptimizerName = Literal["adam", "muon"]

_SETTINGS = ("betas", "weight_decay")

_MUON_CHANNELS = 8
"""Kernels with fewer input or output channels read or write the image; there is little to orthogonalise."""


def make_optimizer(
    name: OptimizerName, parameters: Iterable[nn.Parameter], betas: tuple[float, float], weight_decay: float = 0.0
) -> torch.optim.Optimizer:
    """The optimizer of that name; its rate is set before each step.

    Args:
        name: Which one.
        parameters: What it trains.
        betas: Adam's decay rates of the two moments.
        weight_decay: Adam's: this much of each weight is added to its gradient. Muon has none.

    Raises:
        ConfigError: PyTorch is too old for it.
    """
    if name == "adam":
        return torch.optim.Adam(parameters, betas=betas, weight_decay=weight_decay, fused=True)
    if not hasattr(torch.optim, "Muon"):
        raise ConfigError(f"Muon needs PyTorch 2.9 or newer, this is {torch.__version__}; take optimizer = 'adam'")
    return MuonAndAdam(parameters, betas)


def load_moments(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load the state of an optimizer, but not betas and weight decay: the run's may have changed."""
    settings = [{name: group[name] for name in _SETTINGS if name in group} for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, own in zip(optimizer.param_groups, settings, strict=True):
        group.update(own)


class MuonAndAdam(torch.optim.Optimizer):
    """Muon for the kernels of convolutions, Adam for all other parameters.

    Muon (Jordan et al., 2024) orthogonalises the update of a matrix, so that rare directions are learnt as fast as
    common ones. PyTorch's takes matrices only, so each kernel is given to it as one, (first channels, all else). Its
    updates are scaled to the size of Adam's, so that one learning rate serves both.

    Args:
        parameters: Parameters, already on their device and in their memory format: views of them are kept.
        betas: Adam's decay rates of the two moments.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], betas: tuple[float, float]) -> None:
        super().__init__(parameters, {"lr": 0.0})
        everything = self.param_groups[0]["params"]
        self._kernels = [
            kernel for kernel in everything if kernel.dim() == 4 and min(kernel.shape[:2]) >= _MUON_CHANNELS
        ]
        # Views: Muon updates the kernels through them.
        self._matrices = [_rows_first(kernel.detach(), kernel).view(len(kernel), -1) for kernel in self._kernels]
        taken = {id(kernel) for kernel in self._kernels}
        rest = [parameter for parameter in everything if id(parameter) not in taken]
        muon = torch.optim.Muon(self._matrices, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
        self._parts = {"muon": muon, "adam": torch.optim.Adam(rest, betas=betas, fused=True)}

    def step(self) -> None:  # type: ignore[override]
        """Update all parameters from their gradients, at the learning rate of the first group."""
        for matrix, kernel in zip(self._matrices, self._kernels, strict=True):
            matrix.grad = None if kernel.grad is None else _rows_first(kernel.grad, kernel).flatten(1)
        for part in self._parts.values():
            part.param_groups[0]["lr"] = self.param_groups[0]["lr"]
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The states of both optimizers, by name."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` returned."""
        for name, part in self._parts.items():
            load_moments(part, state_dict[name])


def _rows_first(tensor: Tensor, kernel: Tensor) -> Tensor:
    """A kernel (O, I, h, w), or its gradient, in the kernel's memory order: as it is, or (O, h, w, I)."""
    return tensor if kernel.is_contiguous() else tensor.permute(0, 2, 3, 1)
