"""Import of packages that only some of the library needs."""

from __future__ import annotations

import importlib
from types import ModuleType

from udsd.errors import ConfigError


def require(module: str, package: str, extra: str) -> ModuleType:
    """Import a module of an optional package.

    Args:
        module: The module.
        package: The package's name, for the message.
        extra: The extra of udsd that brings it.

    Raises:
        ConfigError: The package is not installed, or its import fails.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"{package} is needed for this and cannot be imported ({error}); run: pip install 'udsd[{extra}]'"
        ) from error
