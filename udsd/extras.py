"""Import of optional packages, and what to run where one is missing."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

from udsd.errors import ConfigError

_SYSTEM_LIBRARY = ".so"
"""In what the linker says of one that it does not find: libGL.so.1."""

_PACKAGES = {"cv2": "opencv-python"}
"""What udsd itself requires under another name than that of the module."""

_CLONE = Path(__file__).resolve().parents[1]
"""The folder around the package: a clone, unless udsd is installed."""


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


def find(module: str) -> ModuleType | None:
    """Import a module of a package that brings something more where it is installed; None where it is not."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def install_command(extra: str) -> str:
    """The command that installs what an extra of udsd brings.

    It names the packages of the extra and not ``udsd[extra]``, which pip would look for in an index, while udsd itself
    may have come from a clone, a repository or a wheel. Where it is not installed but only on the path, it lies in a
    clone.
    """
    return pip_install(*_requirements(extra) or [f"{_CLONE}[{extra}]"])


def pip_install(*packages: str) -> str:
    """The command that installs packages into the environment of this Python.

    Double quotes are those that the shells of Windows know too.
    """
    return " ".join([_python(), "-m pip install", *(f'"{package}"' for package in packages)])


def _cure(module: str, extra: str | None, error: Exception) -> str:
    """What to run. Of a package that is installed a library of the system may be missing, as in slim containers."""
    lacks_library = not isinstance(error, ModuleNotFoundError) and _SYSTEM_LIBRARY in str(error)
    if module == "cv2" and lacks_library:
        return (
            "the system lacks that library: run apt-get install libgl1 libglib2.0-0, or "
            f"{_python()} -m pip uninstall opencv-python, then {pip_install('opencv-python-headless')}, "
            "which needs none"
        )
    if extra is not None:
        return f"run: {install_command(extra)}"
    top = module.partition(".")[0]
    name = _PACKAGES.get(top, top)
    own = [package for package in _requirements(None) if re.match(rf"{re.escape(name)}\b(?!-)", package)]
    return f"run: {pip_install(*own or [name])}"


def _requirements(extra: str | None) -> list[str]:
    """What an extra brings, or udsd itself, as pip takes it; empty where udsd is not installed but only on the path."""
    from importlib import metadata  # here, for it takes time, and is needed for errors alone

    try:
        entries = metadata.requires("udsd") or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for entry in entries:
        package, _, marker = entry.partition(";")
        of_extra = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", marker)
        if (of_extra and of_extra[1]) == extra:
            found.append(package.strip())
    return found


def _python() -> str:
    """How this Python is called: ``python`` if that is what the shell finds, as in an environment that is active."""
    found = shutil.which("python")
    # Not through links: the Python of every environment is one to the same file.
    if not sys.executable or (found and os.path.normcase(found) == os.path.normcase(sys.executable)):
        return "python"
    return f'"{sys.executable}"' if " " in sys.executable else sys.executable
