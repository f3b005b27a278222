"""Restore blurred images of a known kind, with networks trained on unpaired images."""

from importlib import import_module
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
    from udsd.domains import DeblurOptions, Face, Region, align_face, detect_faces, paste_face
    from udsd.images import compare
    from udsd.pretrained import list_models

__version__ = "0.2.0"

_LAZY = {
    "DeblurOptions": "udsd.domains",
    "Deblurrer": "udsd.deblurrer",
    "Face": "udsd.domains",
    "Region": "udsd.domains",
    "align_face": "udsd.domains",
    "compare": "udsd.images",
    "detect_faces": "udsd.domains",
    "list_models": "udsd.pretrained",
    "paste_face": "udsd.domains",
}
"""Names and the modules they are in. With these comes PyTorch, which `udsd --help` need not load."""

__all__ = [
    "ChecksumError",
    "ConfigError",
    "DeblurOptions",
    "Deblurrer",
    "DeviceError",
    "DownloadError",
    "Face",
    "ImageError",
    "IncompatibleWeightsError",
    "MemoryLimitError",
    "PublishError",
    "Region",
    "UdsdError",
    "UnknownModelError",
    "WeightsError",
    "__version__",
    "align_face",
    "compare",
    "detect_faces",
    "list_models",
    "paste_face",
]


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first asked for."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
