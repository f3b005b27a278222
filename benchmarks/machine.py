"""What the benchmarks ask of a machine."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F

from udsd.device import cpu_capabilities


def matrix_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second of one large matrix product or convolution, the best of six of each.

    Two libraries compute these on a CPU, and not equally well on all: MKL's products take half of the width of AMD's
    vectors.
    """
    side = 8192 if device.type == "cuda" else 2048
    first, second = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    product = _fastest(device, lambda: first @ second)
    features = torch.randn(1, 256, side // 16, side // 16, device=device)
    kernel = torch.randn(256, 256, 3, 3, device=device)
    maps, kernels = (values.to(dtype, memory_format=torch.channels_last) for values in (features, kernel))
    convolution = _fastest(device, lambda: F.conv2d(maps, kernels))
    return max(2 * side**3 / product, 2 * kernel.numel() * (side // 16 - 2) ** 2 / convolution)


def _fastest(device: torch.device, work: Callable[[], object]) -> float:
    best = math.inf
    for _ in range(6):
        start = now(device)
        work()
        best = min(best, now(device) - start)
    return best


def now(device: torch.device) -> float:
    """Seconds; what a GPU was given to do is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def name_of(device: torch.device) -> str:
    """The processor, and how many threads use it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    capabilities = cpu_capabilities()
    units = [unit for unit in ("avx2", "avx512_f", "avx512_bf16", "amx_bf16", "amx_int8") if capabilities.get(unit)]
    return f"{_processor()} ({', '.join(units)}), {torch.get_num_threads()} thread(s)"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
