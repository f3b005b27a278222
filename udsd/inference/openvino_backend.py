"""The OpenVINO back-end: for CPUs without fast bfloat16, where its 8-bit models pay."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from udsd.device import resolve_device
from udsd.errors import ConfigError, DeviceError, ImageError, MemoryLimitError, UdsdError, WeightsError
from udsd.extras import require
from udsd.inference.backend import LoadableFolder, OnProgress
from udsd.inference.graph import INPUT, OUTPUTS, trace_graph
from udsd.inference.memory import MemoryLimit, allowed_memory, describe_limit
from udsd.models import DeblurModel, ModelConfig, white_balance
from udsd.models.deblur_model import pad_image
from udsd.out_of_memory import memory_errors
from udsd.regular import read_limited, regular_size
from udsd.surroundings import own_settings

GRAPH_FILE = "openvino_model.xml"
"""Its weights lie beside it, with the ending .bin."""

_LARGEST_GRAPH = 1 << 24
"""Bytes of the .xml; ours have 130,000 to a few times as many."""

_FOREIGN = {"Assign", "If", "Loop", "ReadValue", "TensorIterator"}
"""Operations with a memory, or with graphs of their own, which may run for ever."""

_CPU = torch.device("cpu")
_PRECISIONS = {torch.float32: "f32", torch.bfloat16: "bf16"}
_MAPS = 8
"""Maps of full resolution and base width, float32, that an image takes at most (measured: up to 7.3)."""


class OpenVINOBackend:
    """Run a graph with OpenVINO on the CPU, each image in one piece. Threads may share one.

    Args:
        graph: An OpenVINO model, as `convert_model` and `read_graph` give.
        config: The architecture it was made from.
        dtype: float32 or bfloat16, the format of what is not 8-bit.
        memory_limit: What restoring may take; a larger image is refused.

    Raises:
        ConfigError: OpenVINO is not installed, or the memory limit is no size.
        DeviceError: The format is neither of the two.
        WeightsError: OpenVINO cannot run the graph on this machine.
        MemoryLimitError: It needs more memory for the graph than there is.
    """

    def __init__(
        self, graph: Any, config: ModelConfig, dtype: torch.dtype = torch.float32, memory_limit: MemoryLimit = None
    ) -> None:
        if dtype not in _PRECISIONS:
            raise DeviceError(f"the openvino back-end computes in float32 or bfloat16, not in {dtype}")
        self.config = config
        self.dtype = dtype
        self.memory_limit = memory_limit
        allowed_memory(_CPU, memory_limit)
        self._graph = graph
        with _openvino_errors("the model", WeightsError):
            self._compiled = _core().compile_model(
                graph,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": _PRECISIONS[dtype],
                    "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                    "PERFORMANCE_HINT": "LATENCY",
                },
            )

    @classmethod
    def reads(cls, folder: Path) -> bool:
        """Whether there is a graph in the folder."""
        return (folder / GRAPH_FILE).is_file()

    @classmethod
    def resolve_device(cls, device: str | torch.device | None) -> torch.device:
        """The CPU, which ``"auto"`` and None mean too.

        Raises:
            DeviceError: It is another device.
        """
        chosen = _CPU if device is None or (isinstance(device, str) and device == "auto") else resolve_device(device)
        if chosen.type != "cpu":
            raise DeviceError(f"the openvino back-end runs on the CPU, not on {chosen}; use backend='torch'")
        return chosen

    @classmethod
    def from_model(
        cls, model: DeblurModel, device: torch.device, dtype: torch.dtype, memory_limit: MemoryLimit = None
    ) -> Self:
        """Convert networks."""
        return cls(convert_model(model), model.config, dtype, memory_limit)

    @classmethod
    def from_folder(
        cls, folder: LoadableFolder, device: torch.device, dtype: torch.dtype, memory_limit: MemoryLimit = None
    ) -> Self:
        """Read the graph of an exported folder, or convert the networks of any other."""
        if not cls.reads(folder.path):
            return cls.from_model(folder.load_model(), device, dtype, memory_limit)
        return cls(read_graph(folder.path / GRAPH_FILE), folder.read_config(), dtype, memory_limit)

    @property
    def device(self) -> torch.device:
        """The CPU."""
        return _CPU

    @property
    def model(self) -> DeblurModel:
        """Refused: a graph cannot be turned back into networks."""
        raise ConfigError("an OpenVINO model cannot be saved or trained; take the model folder it was exported from")

    @own_settings()
    def restore(
        self,
        images: Tensor,
        code: Tensor | None = None,
        memory_limit: MemoryLimit = None,
        *,
        overwrite: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Tensor:
        """Restore images, as `udsd.inference.Backend` says; codes are refused."""
        if code is not None:
            raise ConfigError("the openvino back-end restores with the mean blur code only; use backend='torch'")
        limit = self.memory_limit if memory_limit is None else memory_limit
        balance = white_balance(images, wanted=self.config.balance_white)
        restored = balance.undo(self._restore(balance.apply(images, overwrite=overwrite), limit))
        if on_progress is not None:
            on_progress(1)
        return restored

    @own_settings()
    def encode_blur(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, Z) of the blur codes of images as `restore` takes."""
        balanced = white_balance(images, wanted=self.config.balance_white).apply(images)
        results = [self.run_graph(image, self.memory_limit)[1:] for image in torch.split(balanced, 1)]
        means, log_variances = zip(*results, strict=True)
        return torch.cat(means), torch.cat(log_variances)

    def moved(self, device: torch.device, dtype: torch.dtype) -> OpenVINOBackend:
        """The same model in another format."""
        self.resolve_device(device)
        return OpenVINOBackend(self._graph, self.config, dtype, self.memory_limit)

    def _restore(self, images: Tensor, limit: MemoryLimit) -> Tensor:
        return torch.cat([self.run_graph(image, limit)[0] for image in torch.split(images, 1)])

    def run_graph(self, image: Tensor, limit: MemoryLimit = None) -> tuple[Tensor, Tensor, Tensor]:
        """What the graph itself makes of one image (1, 3, H, W), without white balance: `InferenceGraph.forward`.

        Raises:
            ImageError: OpenVINO cannot run the graph on an image of this size, or gives one of another size.
            MemoryLimitError: The image needs more memory than it may take.
        """
        height, width = image.shape[-2:]
        padded = pad_image(image)
        self._check_size(padded, limit)
        with _openvino_errors(f"an image of {width} x {height} pixels", ImageError):
            # A request of its own for each call: threads share the compiled model, not a request's buffers.
            request = self._compiled.create_infer_request()
            request.infer({INPUT: padded.contiguous().numpy()}, share_inputs=True)
            restored, mean, log_variance = (
                torch.from_numpy(request.get_output_tensor(i).data.copy()) for i in range(3)
            )
            if restored.shape != padded.shape:
                raise RuntimeError(f"the result has the shape {[*restored.shape]}, not {[*padded.shape]}")
        return restored[..., :height, :width], mean, log_variance

    def _check_size(self, padded: Tensor, limit: MemoryLimit) -> None:
        height, width = padded.shape[-2:]
        needed = _MAPS * self.config.base_width * height * width * torch.float32.itemsize
        allowed = allowed_memory(_CPU, limit)
        if needed > allowed:
            raise MemoryLimitError(
                f"{describe_limit(limit)} is {allowed / 1e6:.0f} MB; an image of {width} x {height} pixels needs "
                f"{needed / 1e6:.0f} MB with OpenVINO, which takes it in one piece; use backend='torch', which works "
                "in strips"
            )


@own_settings()
def convert_model(model: DeblurModel) -> Any:
    """A model as an OpenVINO model with any batch and size.

    Raises:
        ConfigError: OpenVINO is not installed.
        WeightsError: OpenVINO cannot convert it.
        MemoryLimitError: That needs more memory than there is.
    """
    with warnings.catch_warnings(), _openvino_errors("the model", WeightsError):
        # Some versions of PyTorch warn of what they themselves use.
        warnings.simplefilter("ignore", FutureWarning)
        graph = _openvino().convert_model(trace_graph(model))
    graph.inputs[0].get_tensor().set_names({INPUT})
    for output, name in zip(graph.outputs, OUTPUTS, strict=True):
        output.get_tensor().set_names({name})
    return graph


def read_graph(path: Path) -> Any:
    """Read an OpenVINO model from its ``.xml`` file, and the weights beside it.

    Raises:
        ConfigError: OpenVINO is not installed.
        WeightsError: The files are missing or damaged, or hold another model.
    """
    with _openvino_errors("models", WeightsError):
        core = _core()
    try:
        _check_files(path)
        graph = core.read_model(path)
        names = [port.get_any_name() for port in (*graph.inputs, *graph.outputs)]
    except (OSError, ValueError, RuntimeError) as error:
        said = (error.strerror if isinstance(error, OSError) else None) or _last_words(error)
        raise WeightsError(f"{path} cannot be read ({said}); export the model again") from error
    if names != [INPUT, *OUTPUTS]:
        raise WeightsError(f"{path} takes and gives {', '.join(names)}: no model exported by udsd; export one")
    unfit = _unfit(graph)
    if unfit:
        raise WeightsError(f"{path} {unfit}: no model exported by udsd; export one")
    return graph


def _check_files(path: Path) -> None:
    """See that the graph is plain XML, and that the weights are as long as it says, before OpenVINO opens them.

    Raises:
        OSError: One of them is missing, no file, or too large.
        ValueError: They are something else.
    """
    text = read_limited(path, _LARGEST_GRAPH)
    if not text.lstrip().startswith((b"<?xml", b"<net")) or b"<!DOCTYPE" in text.upper():
        raise ValueError("it is no XML as OpenVINO writes it")
    ends = [
        int(start[1]) + int(size[1])
        for data in re.findall(rb"<data\s[^>]*>", text)
        if (start := re.search(rb'\soffset="(\d{1,15})"', data)) and (size := re.search(rb'\ssize="(\d{1,15})"', data))
    ]
    weights, expected = path.with_suffix(".bin"), max(ends, default=0)
    size_of_weights = regular_size(weights)
    if size_of_weights != expected:
        raise ValueError(f"{weights.name} has {size_of_weights} bytes, {expected} belong to this graph")


def _unfit(graph: Any) -> str:
    """What the graph has that none of ours has: other operations, number formats or ranks; nothing if it fits."""
    foreign = sorted({node.get_type_name() for node in graph.get_ordered_ops()} & _FOREIGN)
    if foreign:
        return f"has operations of the type {', '.join(foreign)}"
    ports = (*graph.inputs, *graph.outputs)
    for port, rank in zip(ports, (4, 4, 2, 2), strict=True):
        shape, kind = port.get_partial_shape(), port.get_element_type().get_type_name()
        if kind != "f32" or shape.rank.is_dynamic or len(shape) != rank:
            return f"has {port.get_any_name()} as {kind} of the shape {shape}"
    return ""


@contextmanager
def _openvino_errors(what: str, kind: type[UdsdError]) -> Iterator[None]:
    """Turn what OpenVINO raises into an error of a kind of ours, or into a `MemoryLimitError`."""
    try:
        with memory_errors(what):
            yield
    except UdsdError:
        raise
    except RuntimeError as error:
        raise kind(
            f"OpenVINO failed on {what} ({_last_words(error)}); export the model again, or use backend='torch'"
        ) from error


def _last_words(error: Exception) -> str:
    """What OpenVINO says last, behind the places in its source."""
    return " ".join(str(error).split())[-200:]


@functools.cache
def _core() -> Any:
    """One for the whole program.

    With the last of them OpenVINO unloads what runs on the CPU, which takes the stack away on which the main thread
    handles signals: the next Ctrl-C would be a segmentation fault.
    """
    return _openvino().Core()


def _openvino() -> Any:
    return require("openvino", "OpenVINO", "openvino")
