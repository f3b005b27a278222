"""How a model is run: in strips, within a limit of memory."""

from udsd.inference.backend import Backend, ModelSource
from udsd.inference.batching import in_batches
from udsd.inference.memory import MemoryLimit
from udsd.inference.openvino_backend import OpenVINOBackend
from udsd.inference.registry import BACKENDS, find_backend, run_folder, run_model
from udsd.inference.torch_backend import TorchBackend

__all__ = [
    "BACKENDS",
    "Backend",
    "MemoryLimit",
    "ModelSource",
    "OpenVINOBackend",
    "TorchBackend",
    "find_backend",
    "in_batches",
    "run_folder",
    "run_model",
]
