"""Import of packages that only measuring needs."""

from __future__ import annotations

import importlib
from types import ModuleType

from udsd.errors import ConfigError


def require(module: str, package: str) -> ModuleType:
    """Import a module of an optional package.

    Raises:
        ConfigError: The package is not installed, or its import fails.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"{package}, which measuring needs, cannot be imported ({error}); run: pip install 'udsd[evaluate]'"
        ) from error
