"""The back-ends by name, and the choice among them."""

from __future__ import annotations

from pathlib import Path

import torch

from udsd.device import resolve_dtype
from udsd.errors import ConfigError
from udsd.inference.backend import Backend, LoadableFolder
from udsd.inference.memory import MemoryLimit
from udsd.inference.openvino_backend import OpenVINOBackend
from udsd.inference.torch_backend import TorchBackend
from udsd.models import DeblurModel

BACKENDS: dict[str, type[Backend]] = {
    "torch": TorchBackend,
    "openvino": OpenVINOBackend,
}
"""By name. Their modules import nothing that is optional."""

AUTO = "auto"


def find_backend(name: str | None, folder: Path | None = None) -> type[Backend]:
    """The back-end of a name, or for ``"auto"`` or None the one that a folder was exported for, else PyTorch.

    Raises:
        ConfigError: There is none of that name.
    """
    if isinstance(name, str) and name in BACKENDS:
        return BACKENDS[name]
    if name is not None and name != AUTO:
        raise ConfigError(f"backend is {name!r}; give one of {', '.join([AUTO, *BACKENDS])}")
    if folder is None:
        return TorchBackend
    return next((backend for backend in BACKENDS.values() if backend.reads(folder)), TorchBackend)


def backend_name(backend: Backend) -> str:
    """The name of what runs a model; of a class that is not in the registry that of the class."""
    kind = type(backend)
    return next((name for name, known in BACKENDS.items() if known is kind), kind.__name__)


def run_model(
    model: DeblurModel,
    *,
    backend: str | None = AUTO,
    device: str | torch.device | None = "auto",
    dtype: str | torch.dtype | None = "auto",
    memory_limit: MemoryLimit = None,
) -> Backend:
    """Networks, ready to run; names and errors are those of `udsd.Deblurrer`."""
    chosen = find_backend(backend)
    place = chosen.resolve_device(device)
    return chosen.from_model(model, place, resolve_dtype(dtype, place), memory_limit)


def run_folder(
    folder: LoadableFolder,
    *,
    backend: str | None = AUTO,
    device: str | torch.device | None = "auto",
    dtype: str | torch.dtype | None = "auto",
    memory_limit: MemoryLimit = None,
) -> Backend:
    """A model folder, ready to run; names and errors are those of `udsd.Deblurrer.from_pretrained`."""
    chosen = find_backend(backend, folder.path)
    place = chosen.resolve_device(device)
    return chosen.from_folder(folder, place, resolve_dtype(dtype, place), memory_limit)
