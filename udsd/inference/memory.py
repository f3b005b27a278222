"""How much memory restoring may take, and how an image is cut into strips so that it does."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from udsd.errors import ConfigError, MemoryLimitError
from udsd.inference.winograd import TILE
from udsd.models import ModelConfig
from udsd.models.blocks import CONTENT_STRIDE

MemoryLimit = int | str | None
"""Bytes, or text such as ``"2GB"`` or ``"500 MiB"``, or None for half of what is free."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_FREE_SHARE = 0.5

_STRIP = 131_072
"""Pixels of the image in one strip, times the bytes of a number. Its feature maps then stay in the caches of a CPU:
faster than whole images."""

_FEWEST_STRIPS, _FEWEST_IN_HALF_PRECISION = 3, 5
"""In fewer strips an image is slower than in one: borders, and weights that oneDNN puts in an order of its own for
every strip, cost more than the caches save; the more so the faster the arithmetic."""

_FEWEST_ROWS = CONTENT_STRIDE * TILE
"""Rows of the image in a strip as long as memory allows. Lower ones compute Winograd's tiles several times over, and in
any number format the rows that they take from their neighbours are too many beside their own."""

_WORKSPACE_MAPS = 6
"""Maps of full resolution and base width that a strip needs at once, at most (measured: 4.5)."""


@dataclass(frozen=True, slots=True)
class StripPlan:
    """How one image is restored.

    Attributes:
        strip_height: Rows of the image in one strip, a multiple of 4.
        room: Bytes of feature maps that stay in memory; the rest goes to a temporary file.
    """

    strip_height: int
    room: int

    def halved(self) -> StripPlan:
        """The same image in strips of half the height, and half of the maps kept.

        Raises:
            MemoryLimitError: The strips are as narrow as can be.
        """
        if self.strip_height <= CONTENT_STRIDE:
            raise MemoryLimitError(
                "out of memory even in strips of four rows; free some memory, or use device='cpu', or a smaller image"
            )
        half = self.strip_height // 2 // CONTENT_STRIDE * CONTENT_STRIDE
        return replace(self, strip_height=max(half, CONTENT_STRIDE), room=self.room // 2)


def parse_memory(limit: int | str) -> int:
    """Bytes of a memory limit.

    Raises:
        ConfigError: It is no positive number with a unit that is known.
    """
    if isinstance(limit, int) and not isinstance(limit, bool):
        size = float(limit)
    else:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?)?B?\s*", str(limit).upper())
        size = float(match[1]) * _UNITS[match[2] or ""] if match else 0.0
    if size < 1:
        raise ConfigError(f"memory_limit is {limit!r}; give bytes, or text such as '2GB' or '500MiB'")
    return int(size)


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a GPU, or in main memory within the limit of the process's control group."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return min(_available(), _control_group_room())


def allowed_memory(device: torch.device, limit: MemoryLimit = None) -> int:
    """Bytes that a limit allows, where None stands for half of what is free.

    Raises:
        ConfigError: The limit is no size.
    """
    return int(free_memory(device) * _FREE_SHARE) if limit is None else parse_memory(limit)


def describe_limit(limit: MemoryLimit) -> str:
    """A limit as messages name it."""
    return "half of the free memory" if limit is None else f"memory_limit={limit!r}"


def plan_strips(
    height: int, width: int, config: ModelConfig, element_size: int, device: torch.device, limit: MemoryLimit = None
) -> StripPlan:
    """Choose strips for an image of a padded size.

    Args:
        height: Rows.
        width: Columns.
        config: The architecture.
        element_size: Bytes of a number in the arithmetic's format.
        device: Where the model runs.
        limit: What feature maps and work space may take, beside the image and its result.

    Raises:
        ConfigError: The limit is no size.
        MemoryLimitError: It is too small for the narrowest strip of such an image.
    """
    allowed = allowed_memory(device, limit)
    row = _WORKSPACE_MAPS * config.base_width * width * element_size
    least = row * CONTENT_STRIDE
    if allowed < least:
        raise MemoryLimitError(
            f"{describe_limit(limit)} is {allowed / 1e6:.0f} MB; an image {width} pixels wide needs at least "
            f"{least / 1e6:.0f} MB (memory_limit=), or a GPU with more memory"
        )
    pixels = _STRIP // element_size
    fewest = _FEWEST_IN_HALF_PRECISION if element_size == 2 else _FEWEST_STRIPS
    if height * width <= (fewest - 1) * pixels:
        pixels = height * width
    wanted = max(pixels // width, _FEWEST_ROWS)
    strip_height = min(wanted, allowed // 2 // row, height) // CONTENT_STRIDE * CONTENT_STRIDE
    strip_height = max(strip_height, CONTENT_STRIDE)
    return StripPlan(strip_height, allowed - row * strip_height)


def _available() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _UNKNOWN


def _control_group_room() -> int:
    """What the process may take more, by version 2 or 1 of Linux's control groups, as containers show them."""
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


_UNKNOWN = 4 * 2**30
"""Taken to be free where the system does not tell."""

_UNLIMITED = 2**62
