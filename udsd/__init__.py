"""Restore blurred images of a known kind, with networks trained on unpaired images."""

from typing import TYPE_CHECKING, Any

from udsd.errors import (
    ChecksumError,
    ConfigError,
    DeviceError,
    DownloadError,
    ImageError,
    IncompatibleWeightsError,
    MemoryLimitError,
    PublishError,
    UdsdError,
    UnknownModelError,
    WeightsError,
)

if TYPE_CHECKING:
    from udsd.deblurrer import Deblurrer

__version__ = "0.1.0"

__all__ = [
    "ChecksumError",
    "ConfigError",
    "Deblurrer",
    "DeviceError",
    "DownloadError",
    "ImageError",
    "IncompatibleWeightsError",
    "MemoryLimitError",
    "PublishError",
    "UdsdError",
    "UnknownModelError",
    "WeightsError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """`Deblurrer` is imported when it is first asked for: with it comes PyTorch, which `udsd --help` need not load."""
    if name == "Deblurrer":
        from udsd.deblurrer import Deblurrer

        return Deblurrer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
