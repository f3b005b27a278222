"""Tensors to and from the bytes of a `model.safetensors`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from udsd.errors import IncompatibleWeightsError

_DTYPES = ("F16", "BF16", "F32")
_LARGEST_HEADER = 1 << 20
"""Bytes of the JSON header; those of our models have some 15,000."""

_NAMED = 3
"""How many offending tensors an error names."""


def serialise_tensors(state: dict[str, Tensor], *, half: bool, metadata: dict[str, str]) -> bytes:
    """The bytes of a safetensors file in float16 or float32; the same tensors always give the same bytes.

    Raises:
        IncompatibleWeightsError: A value is NaN or infinite, or too large for float16.
    """
    _check_finite("the model", state)
    dtype = torch.float16 if half else torch.float32
    tensors = {name: tensor.detach().cpu().to(dtype).contiguous() for name, tensor in state.items()}
    _check_finite("the model, once stored as float16 (half=False keeps float32),", tensors)
    data = safetensors.torch.save(tensors, metadata)
    # The library writes the metadata in the random order of a hash map; sorted, the bytes are reproducible. The
    # first 8 bytes are the length of the JSON header, padded with spaces, and stay as they are.
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    return data[:8] + json.dumps(header, separators=(",", ":")).encode().ljust(length) + data[8 + length :]


def largest_file(shapes: dict[str, list[int]]) -> int:
    """The most bytes that a file with tensors of these shapes can have: float32, and the largest header."""
    return 8 + _LARGEST_HEADER + sum(math.prod(shape) for shape in shapes.values()) * torch.float32.itemsize


def read_tensors(path: Path, shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    """Read exactly the named tensors as float32 on the CPU.

    Names, shapes and number formats of the header are compared before any tensor is read.

    Raises:
        IncompatibleWeightsError: The file is broken, does not hold exactly these tensors, or holds NaN or infinity.
        OSError: The file is missing or cannot be read.
    """
    _check_header_size(path)
    try:
        with safe_open(path, framework="pt") as file:
            _check_header(path, {name: file.get_slice(name) for name in file.keys()}, shapes)  # noqa: SIM118
            # Always a copy: a float32 tensor would else stay a view of the mapped file, which may change or vanish.
            tensors = {name: file.get_tensor(name).to(torch.float32, copy=True) for name in shapes}
    except SafetensorError as error:
        raise IncompatibleWeightsError(
            f"{path} is truncated or no safetensors file ({error}); get it again (from the Hub: force_download)"
        ) from error
    _check_finite(str(path), tensors)
    return tensors


def _check_header_size(path: Path) -> None:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > _LARGEST_HEADER:
        raise IncompatibleWeightsError(
            f"{path} is truncated or no safetensors file (it names a header of {size} bytes, {_LARGEST_HEADER} are "
            "allowed); get it again (from the Hub: force_download)"
        )


def _check_header(path: Path, slices: dict[str, Any], shapes: dict[str, list[int]]) -> None:
    common = sorted(set(slices) & set(shapes))
    problems = {
        "missing": sorted(set(shapes) - set(slices)),
        "unexpected": sorted(set(slices) - set(shapes)),
        "wrong shape": [
            f"{name} {slices[name].get_shape()} instead of {shapes[name]}"
            for name in common
            if slices[name].get_shape() != shapes[name]
        ],
        f"number format none of {', '.join(_DTYPES)}": [
            f"{name} {slices[name].get_dtype()}" for name in common if slices[name].get_dtype() not in _DTYPES
        ],
    }
    found = [f"{problem}: {_first(names)}" for problem, names in problems.items() if names]
    if found:
        raise IncompatibleWeightsError(
            f"{path} does not fit its configuration ({'; '.join(found)}); take both files from one model"
        )


def _check_finite(what: str, tensors: dict[str, Tensor]) -> None:
    broken = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise IncompatibleWeightsError(f"{what} has NaN or infinite weights ({_first(broken)}); use another model")


def _first(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
