"""What the program around has set in PyTorch, and code that does not depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

_AUTOCAST_DEVICES = ("cpu", "cuda", "mps", "xpu")


@contextmanager
def own_settings() -> Iterator[None]:
    """Compute as if the program around had set nothing; also a decorator.

    Within it there is no autocast, which would round the images of a user who trains in bfloat16, and new tensors are
    made on the CPU, whatever `torch.set_default_device` says. Both are matters of this thread. The default dtype
    (`torch.set_default_dtype`) is one of the whole program and stays: who makes a tensor of floats names its dtype.

    It must not be left open over the ``yield`` of a generator, or the caller has it too.
    """
    with ExitStack() as settings:
        for device in _AUTOCAST_DEVICES:
            if torch.is_autocast_enabled(device):
                settings.enter_context(torch.autocast(device, enabled=False))
        # Only where it is needed: within it every call of PyTorch takes a little longer.
        if torch.get_default_device().type != "cpu":
            settings.enter_context(torch.device("cpu"))
        yield
