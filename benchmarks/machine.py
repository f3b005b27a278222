"""What the benchmarks ask of a machine."""

from __future__ import annotations

import platform
import time
from pathlib import Path

import torch


def matrix_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second of one large matrix product, the best of six."""
    side = 8192 if device.type == "cuda" else 2048
    first, second = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    best = 0.0
    for _ in range(6):
        start = now(device)
        first @ second
        best = max(best, 2 * side**3 / (now(device) - start))
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
    capabilities = torch.cpu.get_capabilities()
    units = [unit for unit in ("avx2", "avx512_f", "avx512_bf16", "amx_bf16", "amx_int8") if capabilities.get(unit)]
    return f"{_processor()} ({', '.join(units)}), {torch.get_num_threads()} thread(s)"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
