"""The average of a model's weights over the steps of a run: what sample grids, validation and exports show."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from udsd.models import DeblurModel


class AveragedModel(nn.Module):
    """An exponential moving average whose decay rises: ``min(decay, (1 + n) / (10 + n))`` at step n of a stage.

    With a fixed decay of 0.999 the average of a short run lies between its first and its last weights: after 700 steps
    half of it is still what training began with. While n is small the rising decay averages over about the last
    tenth of the steps (the schedule of TensorFlow's ``ExponentialMovingAverage``).

    Args:
        model: The model that is trained; a copy of its weights is where the average begins.
        decay: Highest decay; 0 makes the average the newest weights.

    Attributes:
        module: The model with averaged weights.
    """

    n_averaged: Tensor

    def __init__(self, model: DeblurModel, decay: float) -> None:
        super().__init__()
        self.module = copy.deepcopy(model).requires_grad_(False)
        self._highest_decay = decay
        # On the CPU, wherever the model is: to read it back from a device would make each step wait.
        self.register_buffer("n_averaged", torch.zeros((), dtype=torch.int64))

    def begin_stage(self) -> None:
        """Count steps from zero again, so that the average follows the weights of a new stage from its first step."""
        self.n_averaged.zero_()

    @torch.no_grad()
    def update(self, model: DeblurModel) -> None:
        """Take in the weights after one step."""
        count = int(self.n_averaged)
        decay = min(self._highest_decay, (1 + count) / (10 + count))
        torch._foreach_lerp_(list(self.module.parameters()), list(model.parameters()), 1 - decay)
        self.n_averaged += 1

    @staticmethod
    def weights_in(state: Mapping[str, Any]) -> dict[str, Tensor]:
        """The averaged weights, by the names of the model's, in what ``state_dict`` returned."""
        return {name.removeprefix("module."): value for name, value in state.items() if name != "n_averaged"}
