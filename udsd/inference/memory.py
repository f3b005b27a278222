"""Memory limits: reading them, and asking the system what is free."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from udsd.arguments import real_number
from udsd.errors import ConfigError

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

MemoryLimit = int | str | None
"""Bytes, or text such as ``"2GB"`` or ``"500 MiB"``, or None for half of what is free."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_ALLOWED = "bytes, or text such as '2GB' or '500MiB'"
_FREE_SHARE = 0.5

_UNKNOWN = 4 * 2**30
"""Bytes taken to be free where the system does not say."""

_UNLIMITED = 2**62


def parse_memory(limit: int | str) -> int:
    """Read a memory limit as bytes.

    Raises:
        ConfigError: It is not a positive number with a known unit.
    """
    if not isinstance(limit, str):
        return int(real_number("memory_limit", limit, 1, allowed=_ALLOWED))
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?)?B?\s*", limit.upper())
    size = float(match[1]) * _UNITS[match[2] or ""] if match else 0.0
    if size < 1:
        raise ConfigError(f"memory_limit is {limit!r}; give {_ALLOWED}")
    return int(size)


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a GPU, or in main memory and within the limits of the process and its control group."""
    if device.type == "mps":
        return max(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory(), 0)
    if device.type != "cpu":
        module = torch.get_device_module(device)
        return int(module.mem_get_info(device)[0]) if hasattr(module, "mem_get_info") else _UNKNOWN
    return min(_available(), _control_group_room(), _process_room())


def allowed_memory(device: torch.device, limit: MemoryLimit = None) -> int:
    """Bytes that a limit allows; for None, half of what is free.

    Raises:
        ConfigError: The limit is not a size.
    """
    return int(free_memory(device) * _FREE_SHARE) if limit is None else parse_memory(limit)


def describe_limit(limit: MemoryLimit) -> str:
    """Name a limit as error messages do."""
    return "half of the free memory" if limit is None else f"memory_limit={limit!r}"


def _available() -> int:
    """Bytes that Linux could give without swapping."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _UNKNOWN


def _control_group_room() -> int:
    """Bytes that the process may still take within its control group (version 2 or 1), as containers show it."""
    group = Path("/sys/fs/cgroup")
    for limit, used in (
        (group / "memory.max", group / "memory.current"),
        (group / "memory" / "memory.limit_in_bytes", group / "memory" / "memory.usage_in_bytes"),
    ):
        try:
            return int(limit.read_text()) - int(used.read_text())
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return _UNLIMITED


def _process_room() -> int:
    """Bytes that the process may still take within its own limits, as ``ulimit -v`` and ``ulimit -d`` set them."""
    if resource is None:
        return _UNLIMITED
    try:
        pages = [int(count) for count in Path("/proc/self/statm").read_text().split()]
    except OSError:
        return _UNLIMITED
    room = _UNLIMITED
    for limit, used in ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5])):
        allowed, _ = resource.getrlimit(limit)
        if allowed != resource.RLIM_INFINITY:
            room = min(room, max(allowed - used * resource.getpagesize(), 0))
    return room
