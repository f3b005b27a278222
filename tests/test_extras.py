from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from udsd.errors import ConfigError
from udsd.extras import find, install_command, pip_install, require


def test_a_missing_package_is_named_with_what_to_run() -> None:
    """The packages of the extra: no index is sure to have udsd itself."""
    with pytest.raises(ConfigError, match="some-package") as caught:
        require("no_such_module_of_udsd", "some-package", "evaluate")
    command = str(caught.value).partition("; run: ")[2]
    assert command == install_command("evaluate")
    assert re.search(r'-m pip install "rapidfuzz>=[\d.]+" "scikit-image>=[\d.]+"$', command)


@pytest.mark.parametrize(
    ("module", "package"), [("cv2.no_such_module", "opencv-python"), ("tifffile.no_such_module", "tifffile")]
)
def test_what_udsd_itself_brings_is_in_no_extra(module: str, package: str) -> None:
    with pytest.raises(ConfigError, match=rf'some-package.*run: \S+ -m pip install "{package}>=[\d.]+"$'):
        require(module, "some-package")


@pytest.mark.parametrize("extra", ["train", "heif", "openvino", "onnx", "evaluate"])
def test_every_extra_is_installed_by_the_names_of_its_packages(extra: str) -> None:
    """By names alone, for the environment may be older than pyproject.toml, which has other versions then."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    expected = [package.partition(">")[0] for package in project["optional-dependencies"][extra]]
    words = shlex.split(install_command(extra))
    assert [word.partition(">")[0] for word in words[words.index("install") + 1 :]] == expected


def test_a_clone_on_the_path_is_installed_from_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    clone = Path(__file__).resolve().parents[1]
    assert install_command("train").endswith(f'-m pip install "{clone}[train]"')


@pytest.mark.parametrize(
    ("executable", "found", "called"),
    [
        ("/env/bin/python", "/env/bin/python", "python"),
        ("/env/bin/python", "/usr/bin/python", "/env/bin/python"),
        ("/env/bin/python", None, "/env/bin/python"),
        ("/my env/bin/python", None, '"/my env/bin/python"'),
        ("", None, "python"),
    ],
)
def test_packages_go_to_the_environment_that_runs(
    executable: str, found: str | None, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr(shutil, "which", lambda name: found)
    assert pip_install("one", "two") == f'{called} -m pip install "one" "two"'


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


def test_the_library_begins_without_a_working_opencv(tmp_path: Path) -> None:
    """Its wheel needs libraries of the system that servers and containers often lack."""
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    code = "from udsd import Deblurrer; import udsd.cli.commands; Deblurrer.from_pretrained('plate')"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
