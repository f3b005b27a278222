"""Choice of device and number format; the only place that asks what this machine can do."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any

import torch

from udsd.errors import DeviceError

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


_BY_ITSELF = ("cuda", "mps")
"""Kinds of devices that are taken where nobody names one, the first that is there."""

_ALLOWED = "'auto', 'cpu', 'cuda', 'cuda:N', 'mps' or another device of PyTorch"


def resolve_device(device: str | torch.device | None = "auto") -> torch.device:
    """Turn a device name into a device that is there.

    Args:
        device: ``"auto"`` or None (CUDA if there is any, else Apple's MPS, else the CPU), or a name that torch knows
            (``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``, ``"xpu"``), or a device. Only CPUs and CUDA are tried.

    Raises:
        DeviceError: The name is unknown, or this machine has no such device.
    """
    if device is None or (isinstance(device, str) and device == "auto"):
        return torch.device(next((name for name in _BY_ITSELF if count_devices(name)), "cpu"))
    try:
        # A number is that of a GPU, be it NumPy's.
        chosen = torch.device(device if isinstance(device, str | torch.device) else operator.index(device))
    except (RuntimeError, TypeError) as error:
        raise DeviceError(f"unknown device {device!r}; give {_ALLOWED}") from error
    if chosen.type == "cpu":
        return chosen
    count = count_devices(chosen.type)
    if count is None:
        raise DeviceError(
            f"device {device!r} is not supported by PyTorch as it is installed, or holds no values; give {_ALLOWED}"
        )
    if (chosen.index or 0) >= count:
        raise DeviceError(
            f"device {device!r} is not there: {count} {chosen.type.upper()} device(s) found; use device='cpu'"
        )
    return chosen


def count_devices(kind: str) -> int | None:
    """How many devices of a kind, such as ``"cuda"``, this machine has; None if PyTorch runs none of that kind."""
    try:
        module = torch.get_device_module(kind)
    except RuntimeError:
        return None
    if not hasattr(module, "is_available"):
        return None
    return int(module.device_count()) if module.is_available() else 0


def resolve_dtype(dtype: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    """Turn the name of a number format into the one the networks compute in.

    Args:
        dtype: ``"auto"`` or None (bfloat16 where the device has instructions for it, else float32), ``"float32"``,
            ``"bfloat16"``, ``"float16"`` (not on CPUs), or one of these as a torch dtype.
        device: Where the networks run.

    Raises:
        DeviceError: The format is unknown, or the device does not do it.
    """
    if dtype is None or (isinstance(dtype, str) and dtype == "auto"):
        return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    chosen = _DTYPES.get(dtype) if isinstance(dtype, str) else dtype
    if not isinstance(chosen, torch.dtype) or chosen not in _DTYPES.values():
        raise DeviceError(f"unknown dtype {dtype!r}; give 'auto', {', '.join(map(repr, _DTYPES))}")
    if chosen is torch.float16 and device.type == "cpu":
        raise DeviceError("float16 is slow and inexact on a CPU; give 'auto', 'float32' or 'bfloat16'")
    return chosen


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 arithmetic runs in hardware: AVX-512 BF16 or AMX on CPUs, Ampere and later on CUDA's GPUs.

    Of other devices it is not taken for granted.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":  # untried
        return False
    capabilities = cpu_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def cpu_capabilities() -> dict[str, Any]:
    """Instruction sets of the CPU by name, such as ``"avx512_bf16"``, each true or false, and its ``"cpu_name"``.

    As PyTorch tells them, or, where it is too old for that, as Linux does; empty where neither knows.
    """
    if hasattr(torch.cpu, "get_capabilities"):  # since PyTorch 2.11
        return dict(torch.cpu.get_capabilities())
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in reversed(lines))}
    flags = dict.fromkeys(found.get("flags", "").split(), True)
    return {**flags, "cpu_name": found.get("model name", "")}
