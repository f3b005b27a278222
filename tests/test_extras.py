from __future__ import annotations

import sys
from pathlib import Path

import pytest

from udsd.errors import ConfigError
from udsd.extras import find, require


def test_a_missing_package_is_named_with_what_to_run() -> None:
    with pytest.raises(ConfigError, match=r"some-package.*pip install 'udsd\[evaluate\]'"):
        require("no_such_module_of_udsd", "some-package", "evaluate")


def test_what_udsd_itself_brings_is_in_no_extra() -> None:
    with pytest.raises(ConfigError, match=r"some-package.*run: pip install udsd$"):
        require("no_such_module_of_udsd", "some-package")


@pytest.mark.parametrize("error", ["OSError('libGL is missing')", "RuntimeError('does not fit\\nits torch')"])
def test_a_package_that_breaks_on_import_is_one_line(
    error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module_of_udsd.py").write_text(f"raise {error}")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=r"cannot be imported \((libGL is missing|does not fit its torch)\)"):
        require("broken_module_of_udsd", "some-package", "train")


def test_what_is_not_installed_is_not_found() -> None:
    assert find("no_such_module_of_udsd") is None
    module = find("math")
    assert module is not None
    assert module.sqrt(4) == 2


def test_an_installed_module_is_given() -> None:
    assert require("math", "Python", "evaluate").sqrt(4) == 2


def test_a_library_that_the_system_lacks_is_not_cured_by_installing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As opencv-python is imported in a slim container."""
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    with pytest.raises(ConfigError, match=r"libGL.so.1.*apt-get install libgl1.*opencv-python-headless"):
        require("cv2", "OpenCV")
