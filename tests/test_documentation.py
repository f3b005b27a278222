"""What docs/install.md says is what the project has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import udsd
from udsd.cli.parser import make_parser

ROOT = Path(__file__).resolve().parents[1]
INSTALL = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    values: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return values


def test_all_extras_are_listed_with_what_they_bring(project: dict[str, Any]) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \|$", INSTALL, re.MULTILINE))
    extras = project["optional-dependencies"]
    assert set(rows) == set(extras)
    for extra, packages in extras.items():
        if extra != "dev":
            assert set(rows[extra].split(", ")) == {re.split(r"[<>=]", package)[0] for package in packages}, extra


def test_the_wheel_has_the_name_that_is_told() -> None:
    assert set(re.findall(r"udsd-([\d.a-z]+)-py3-none-any\.whl", INSTALL)) == {udsd.__version__}


def test_the_versions_of_python_are_those_that_are_tested(project: dict[str, Any]) -> None:
    tested = [name.split()[-1] for name in project["classifiers"] if re.search(r":: 3\.\d+$", name)]
    assert f"Python {tested[0]} to {tested[-1]}" in INSTALL


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell", "tcsh"])
def test_all_shells_are_told(shell: str) -> None:
    assert f"`udsd completion {shell} > " in INSTALL
    assert make_parser().parse_args(["completion", shell]).shell == shell


def test_nothing_tells_to_install_from_an_index() -> None:
    """It would fail: no index has udsd."""
    texts = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "udsd").rglob("*.py")]
    told = re.compile(r"pip install ['\"]?udsd(\[[\w,]+\])?['\"]?(?![^\s`)]| @ |.*finds nothing)")
    assert all(told.search(command) for command in ("pip install udsd", "`pip install 'udsd[train]'`"))
    assert [path.name for path in texts if told.search(path.read_text("utf-8"))] == []
