"""The processes of a run: one, or those that ``accelerate launch`` or ``torchrun`` has started."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
from torch import nn

from udsd.extras import require

accelerate = require("accelerate", "accelerate", "train")

_Value = TypeVar("_Value")


class Processes:
    """Collective operations of the processes of a run; they do nothing where there is only one.

    Gradients are averaged in one reduction after each backward pass, not by DistributedDataParallel: a step runs parts
    of six networks several times and freezes some of them in turn, which that wrapper does not allow, or only with a
    search of the graph at every step. For some 30 million parameters one reduction takes a few milliseconds.

    Args:
        device: Where the networks train. With several processes on GPUs each takes the GPU of its own index.

    Attributes:
        count: Number of processes.
        index: Index of this process, from 0.
        device: Where this process trains.
    """

    def __init__(self, device: torch.device) -> None:
        self._state = accelerate.PartialState(cpu=device.type == "cpu")
        self.count: int = self._state.num_processes
        self.index: int = self._state.process_index
        self.device: torch.device = device if self.count == 1 else self._state.device

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.index == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over all processes."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        together = accelerate.utils.reduce(torch.cat([gradient.flatten() for gradient in gradients]), reduction="mean")
        pieces = together.split([gradient.numel() for gradient in gradients])
        torch._foreach_copy_(
            gradients, [piece.view_as(gradient) for piece, gradient in zip(pieces, gradients, strict=True)]
        )

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Mean over all processes of a tensor that has the same shape on each."""
        return values if self.count == 1 else accelerate.utils.reduce(values, reduction="mean")

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on any process."""
        return flag if self.count == 1 else bool(self.mean(torch.tensor(float(flag), device=self.device)) > 0)

    def gather(self, value: _Value) -> list[_Value]:
        """The values of all processes, by index; every process gets them."""
        return [value] if self.count == 1 else accelerate.utils.gather_object([value])

    def of_main(self, value: _Value) -> _Value:
        """The value of the first process; every process gets it."""
        return self.gather(value)[0]

    def wait(self) -> None:
        """Wait until all processes have reached this call."""
        self._state.wait_for_everyone()

    def part(self) -> None:
        """Disconnect after all processes have reached this call; one that exits earlier makes the others abort."""
        if self.count > 1:
            self._state.wait_for_everyone()
            self._state.destroy_process_group()


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """The state of the generators that blur codes are drawn from. Batches need none: they depend on the step alone."""
    state = {"cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def set_random_state(state: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Set the generators to what `random_state` returned."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
