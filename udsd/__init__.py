"""Restore blurred images of a known kind, with networks trained on unpaired images."""

from udsd.deblurrer import Deblurrer
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
