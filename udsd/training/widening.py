"""Widen a trained model: the same function in wider networks, from which training can go on.

After Net2Net (Chen, Goodfellow, Shlens, ICLR 2016). The training of the narrow model is not lost.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from udsd.errors import ConfigError
from udsd.models import DeblurModel

_OUT, _IN = 0, 1
_TRANSPOSED = ("generator.up", "generator.to_image")
"""Transposed convolutions: their weights are (in, out, ...), those of all others (out, in, ...)."""


def widened(model: DeblurModel, base_width: int, random: torch.Generator | None = None) -> DeblurModel:
    """A model of width ``base_width`` that computes the same as ``model``, up to rounding.

    Every channel is copied. The weights that a layer has for a channel are divided among its copies, in random shares
    that sum to one, so that the copies get different gradients and diverge.

    Args:
        model: A trained model; it is left as it is.
        base_width: A multiple of its width.
        random: Source of the shares; PyTorch's default generator if None.

    Raises:
        ConfigError: ``base_width`` is no multiple of the model's.
    """
    copies, rest = divmod(base_width, model.config.base_width)
    if rest or copies < 1:
        raise ConfigError(
            f"a model of base_width {model.config.base_width} cannot be widened to {base_width}; give a multiple of it"
        )
    wide = DeblurModel(replace(model.config, base_width=base_width))
    narrow = model.state_dict()
    state = {name: _widen(name, narrow[name], empty.shape, copies, random) for name, empty in wide.state_dict().items()}
    wide.load_state_dict(state)
    return wide


def _widen(name: str, narrow: Tensor, shape: torch.Size, copies: int, random: torch.Generator | None) -> Tensor:
    if narrow.dim() == 1:
        return narrow[_sources(len(narrow), shape[0], copies)]
    # Weights as (out, in, the rest).
    swap = name.startswith(_TRANSPOSED)
    if swap:
        narrow, shape = narrow.transpose(_OUT, _IN), torch.Size([shape[_IN], shape[_OUT], *shape[2:]])
    outputs = _sources(narrow.shape[_OUT], shape[_OUT], copies)
    inputs = _sources(narrow.shape[_IN], shape[_IN], copies)
    wide = narrow[outputs][:, inputs]
    shares = 1 - torch.rand(shape[:2], generator=random)  # above 0: a channel's shares are divided by their sum
    totals = torch.zeros(shape[_OUT], narrow.shape[_IN]).index_add_(_IN, inputs, shares)
    shares = shares / totals[:, inputs]
    wide = wide * shares.reshape(*shape[:2], *[1] * (wide.dim() - 2))
    return (wide.transpose(_OUT, _IN) if swap else wide).contiguous()


def _sources(narrow: int, wide: int, copies: int) -> Tensor:
    """For each channel of a wide layer, the channel of the narrow layer that it is a copy of.

    Channels of features are copied. Those of the image and of the blur code, which come after them, are as many in
    every model.
    """
    if narrow == wide:
        return torch.arange(narrow)
    single = (copies * narrow - wide) // (copies - 1)
    copied = torch.arange(narrow - single).repeat(copies)
    return torch.cat([copied, torch.arange(narrow - single, narrow)])
