"""Import of packages that only some of the library needs."""

from __future__ import annotations

import importlib
from types import ModuleType

from udsd.errors import ConfigError


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
        wanted = "udsd" if extra is None else f"'udsd[{extra}]'"
        raise ConfigError(
            f"{package} is needed for this and cannot be imported ({reason}); run: pip install {wanted}"
        ) from error


def find(module: str) -> ModuleType | None:
    """Import a module of a package that brings something more where it is installed; None where it is not."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
