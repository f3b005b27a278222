"""How the weights of convolutions are initialised."""

from __future__ import annotations

from typing import Literal

from torch import nn

from udsd.models.blocks import LEAKY_SLOPE

Initialisation = Literal["default", "normal", "kaiming"]

_NORMAL_DEVIATION = 0.02


def initialise(network: nn.Module, init: Initialisation) -> None:
    """Draw the weights of all convolutions of a network again; ``"default"`` leaves them as PyTorch drew them.

    ``"normal"`` has a standard deviation of 0.02, as in CycleGAN; ``"kaiming"`` keeps the variance from layer to layer.
    Both set biases to zero.
    """
    if init == "default":
        return
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            continue
        if init == "normal":
            nn.init.normal_(module.weight, std=_NORMAL_DEVIATION)
        else:
            nn.init.kaiming_normal_(module.weight, a=LEAKY_SLOPE, nonlinearity="leaky_relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
