"""How a model is run: the back-ends, the choice among them, and limits of memory."""

from udsd.inference.backend import Backend, LoadableFolder, OnProgress
from udsd.inference.batching import images_together, in_batches
from udsd.inference.memory import MemoryLimit
from udsd.inference.openvino_backend import OpenVINOBackend
from udsd.inference.registry import BACKENDS, backend_name, find_backend, run_folder, run_model
from udsd.inference.torch_backend import TorchBackend

__all__ = [
    "BACKENDS",
    "Backend",
    "LoadableFolder",
    "MemoryLimit",
    "OnProgress",
    "OpenVINOBackend",
    "TorchBackend",
    "backend_name",
    "find_backend",
    "images_together",
    "in_batches",
    "run_folder",
    "run_model",
]
