"""Models for other runtimes: OpenVINO, also with 8-bit weights and activations, and ONNX."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from udsd.arguments import some_path
from udsd.atomic import whole_files
from udsd.errors import ConfigError, ImageError, MemoryLimitError, WeightsError
from udsd.extras import require
from udsd.images import ImageLike, decode_image
from udsd.inference.graph import INPUT, OUTPUTS, InferenceGraph, trace_graph
from udsd.inference.openvino_backend import GRAPH_FILE, OpenVINOBackend, convert_model, read_graph
from udsd.models import DeblurModel, white_balance
from udsd.models.blocks import IMAGE_CHANNELS
from udsd.pretrained import write_config
from udsd.surroundings import own_settings

logger = logging.getLogger(__name__)

ONNX_FILE = "model.onnx"

_LEAST_AGREEMENT = 60.0
"""dB to the PyTorch model that a float32 export must reach; it has about 110."""

_MOST_CALIBRATION_IMAGES = 64
_CALIBRATION_SIDE = 512
"""Pixels of a side that are looked at, from the middle of an image."""

_CHECKED_SIDES = ((64, 80), (112, 36), (16, 16))
_OPSET = 18


@own_settings()
def export_onnx(model: DeblurModel, folder: str | os.PathLike[str]) -> float:
    """Write ``model.onnx`` and ``config.json``, and compare the file's results with PyTorch's.

    The file takes ``image`` (B, 3, H, W), float32 in [-1, 1], with H and W multiples of 4 and at least 16, and gives
    ``restored`` of the same shape and range, ``blur_mean`` and ``blur_log_variance`` (B, Z).

    Returns:
        Agreement with PyTorch in dB, the lowest of several sizes.

    Raises:
        ConfigError: onnx, onnxscript or onnxruntime is not installed.
        WeightsError: The folder cannot be written, or the file's results are not the model's.
    """
    folder = some_path("folder", folder)
    for package in ("onnx", "onnxscript"):
        require(package, package, "onnx")
    runtime = require("onnxruntime", "onnxruntime", "onnx")
    with _folder_in_the_making(folder) as unfinished:
        path = unfinished / ONNX_FILE
        with warnings.catch_warnings():
            # The exporter speaks of its own past and future; nothing in it is for our users.
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                trace_graph(model), input_names=[INPUT], output_names=list(OUTPUTS), opset_version=_OPSET, verbose=False
            )
            program.save(path)  # type: ignore[union-attr]
        session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        agreement = _check(model, lambda image: session.run([OUTPUTS[0]], {INPUT: image.numpy()})[0])
        write_config(model.config, unfinished)
    return agreement


@own_settings()
def export_openvino(
    model: DeblurModel, folder: str | os.PathLike[str], calibration: Iterable[ImageLike] | None = None
) -> float:
    """Write a folder that ``Deblurrer.from_pretrained(folder)`` runs with OpenVINO, and compare it with PyTorch.

    Args:
        model: The model.
        folder: Where to write.
        calibration: Blurred images of the model's domain, of which the first 64 are looked at. With them convolutions
            take and multiply 8 bits, all but the first and the last, on which the picture's own precision hangs. Images
            that cannot be read or are smaller than 16 pixels are logged and left out.

    Returns:
        Agreement with PyTorch in float32 in dB, the lowest of several sizes, or the mean over the calibration images.

    Raises:
        ConfigError: OpenVINO, or NNCF for 8 bits, is not installed, or there are no calibration images.
        ImageError: No calibration image can be used.
        WeightsError: The folder cannot be written, or the results of a float32 export are not the model's.
    """
    folder = some_path("folder", folder)
    openvino = require("openvino", "OpenVINO", "openvino")
    images = None if calibration is None else _calibration_images(calibration, model.config.balance_white)
    graph = convert_model(model)
    if images is not None:
        graph = _quantised(graph, images)
    with _folder_in_the_making(folder) as unfinished:
        openvino.save_model(graph, unfinished / GRAPH_FILE, compress_to_fp16=False)
        backend = OpenVINOBackend(read_graph(unfinished / GRAPH_FILE), model.config)

        def restore(image: Tensor) -> Tensor:
            return backend.run_graph(image)[0]  # white balance is not part of it

        agreement = _check(model, restore) if images is None else _mean_agreement(model, restore, images)
        write_config(model.config, unfinished)
    return agreement


def _quantised(graph: Any, images: Sequence[Tensor]) -> Any:
    nncf = require("nncf", "NNCF", "openvino")
    nncf.set_log_level(logging.WARNING)
    in_floats = [node.get_friendly_name() for node in graph.get_ordered_ops() if not _runs_in_8_bits(node)]
    return nncf.quantize(
        graph,
        nncf.Dataset([image.numpy() for image in images]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(images),
        # Not all of them are known to NNCF, such as constants.
        ignored_scope=nncf.IgnoredScope(names=in_floats, validate=False),
    )


def _runs_in_8_bits(node: Any) -> bool:
    """Convolutions between many channels, which take nearly all of the time, and the padding before them.

    In sums over residual branches and in normalisation 8 bits would cost 5 to 20 dB, and transposed convolutions gain
    no time.
    """
    kind = node.get_type_name()
    return kind == "Pad" or (kind == "Convolution" and 3 not in tuple(node.input_value(1).get_shape())[:2])


def _calibration_images(given: Iterable[ImageLike], balance_white: bool) -> list[Tensor]:
    images: list[Tensor] = []
    reason = None
    for image in given:
        try:
            images.append(_calibration_image(image, balance_white))
        except (ImageError, MemoryLimitError) as error:
            reason = error
            logger.warning("left out of the calibration: %s", error)
        if len(images) == _MOST_CALIBRATION_IMAGES:
            break
    if not images and reason is not None:
        raise ImageError(f"no image can be used to calibrate 8 bits; the last: {reason}")
    if not images:
        raise ConfigError("there are no images to calibrate 8 bits with; give blurred images of the model's domain")
    return images


def _calibration_image(image: ImageLike, balance_white: bool) -> Tensor:
    """The middle of an image, (1, 3, H, W) in [-1, 1]."""
    pixels = decode_image(image).pixels[:1]
    height, width = (min(side, _CALIBRATION_SIDE) // 4 * 4 for side in pixels.shape[-2:])
    if min(height, width) < 16:
        name = image if isinstance(image, str | os.PathLike) else "an image"
        raise ImageError(f"{name}: too small to calibrate with; give images of at least 16 pixels a side")
    pixels = white_balance(pixels, wanted=balance_white).apply(pixels)
    top, left = (pixels.shape[-2] - height) // 2, (pixels.shape[-1] - width) // 2
    return pixels[..., top : top + height, left : left + width].contiguous()


def _check(model: DeblurModel, restore: Any) -> float:
    reference = InferenceGraph(model).eval()
    random = torch.Generator().manual_seed(0)
    agreements = []
    for height, width in _CHECKED_SIDES:
        image = torch.rand(1, IMAGE_CHANNELS, height, width, generator=random, dtype=torch.float32) * 2 - 1
        agreements.append(_agreement(reference, restore, image))
    worst = min(agreements)
    if worst < _LEAST_AGREEMENT:
        raise WeightsError(
            f"the exported model is only within {worst:.0f} dB of this one, {_LEAST_AGREEMENT:.0f} are needed; nothing "
            "was written; try another version of the runtime"
        )
    return worst


def _mean_agreement(model: DeblurModel, restore: Any, images: Sequence[Tensor]) -> float:
    reference = InferenceGraph(model).eval()
    return float(np.mean([_agreement(reference, restore, image) for image in images]))


def _agreement(reference: InferenceGraph, restore: Any, image: Tensor) -> float:
    """Decibels between two results, for a range of 2."""
    with torch.inference_mode():
        expected = reference(image)[0]
        difference = torch.as_tensor(restore(image)) - expected
    return float(10 * torch.log10(4 / difference.square().mean().clamp_min(1e-15)))


@contextmanager
def _folder_in_the_making(folder: Path) -> Iterator[Path]:
    """A temporary folder whose files move to ``folder`` if all goes well."""
    try:
        with whole_files(folder) as unfinished:
            yield unfinished
    except OSError as error:
        raise WeightsError(f"cannot write the folder {folder} ({error}); choose another folder") from error
