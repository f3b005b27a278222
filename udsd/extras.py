"""Import of packages that only some of the library needs."""

from __future__ import annotations

import importlib
from types import ModuleType

from udsd.errors import ConfigError

_SYSTEM_LIBRARY = ".so"
"""In what the linker says of one that it does not find: libGL.so.1."""


def require(module: str, package: str, extra: str | None = None) -> ModuleType:
    """Import a module of an optional package, or of one that is imported only where it is needed.

    Args:
        module: The module.
        package: The package's name, for the message.
        extra: The extra of udsd that brings it; without one udsd itself does.

    Raises:
        ConfigError: The package is not installed, or its import fails.
    """
    try:
        return importlib.import_module(module)
    # One whose libraries are missing, or that does not fit its torch, raises OSError or RuntimeError.
    except (ImportError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(
            f"{package} is needed for this and cannot be imported ({reason}); {_cure(module, extra, error)}"
        ) from error


def _cure(module: str, extra: str | None, error: Exception) -> str:
    """What to run. Of a package that is installed a library of the system may be missing, as in slim containers."""
    lacks_library = not isinstance(error, ModuleNotFoundError) and _SYSTEM_LIBRARY in str(error)
    if module == "cv2" and lacks_library:
        return (
            "the system lacks that library: run apt-get install libgl1 libglib2.0-0, or pip uninstall opencv-python, "
            "then pip install opencv-python-headless, which needs none"
        )
    wanted = "udsd" if extra is None else f"'udsd[{extra}]'"
    return f"run: pip install {wanted}"


def find(module: str) -> ModuleType | None:
    """Import a module of a package that brings something more where it is installed; None where it is not."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
