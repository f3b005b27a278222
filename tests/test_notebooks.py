"""The notebooks of examples/notebooks, and the script that executes them (`make notebooks` runs all)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.py"))

jupytext = pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_its_subject_and_names_a_kernel(path: Path) -> None:
    notebook = jupytext.read(path)
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.jupytext.formats == "ipynb,py:percent"
    assert not any(cell.source.strip() == "" for cell in notebook.cells)


def test_there_is_no_notebook_with_outputs_to_be_committed() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/examples/notebooks/*.ipynb" in ignored
    assert len(NOTEBOOKS) == 5


def execute(folder: Path, *cells: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run a notebook of these cells: what the script said, and the outputs."""
    (folder / "some.py").write_text("".join(f"# %%\n{cell}\n\n" for cell in cells))
    script = [sys.executable, ROOT / "examples" / "run_notebooks.py", folder / "some.py", "-o", folder / "out"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    notebook = nbformat.read(folder / "out" / "some.ipynb", as_version=4)
    return done, [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.slow
def test_a_notebook_runs_where_it_lies_and_its_outputs_are_kept(tmp_path: Path) -> None:
    (tmp_path / "beside.txt").write_text("found")
    done, outputs = execute(tmp_path, "import sys", "print(open('beside.txt').read(), sys.executable)")
    assert (done.returncode, outputs) == (0, [f"found {sys.executable}\n"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import os\nos._exit(1)", "a cell failed:\nKernel died"),
        ("import warnings\nwarnings.warn('mind')", "a cell warns: .*UserWarning: mind"),
    ],
)
def test_a_failure_and_a_warning_are_told(tmp_path: Path, cell: str, told: str) -> None:
    done, _ = execute(tmp_path, cell)
    assert done.returncode == 1
    assert re.search(told, done.stdout), done.stdout


@pytest.mark.slow
def test_a_notebook_without_widgets_has_bars_of_text_and_no_advice(tmp_path: Path) -> None:
    done, outputs = execute(
        tmp_path,
        "import sys\nsys.modules['ipywidgets'] = None",
        "from udsd.progress import ImageBar\nwith ImageBar(2, shown=True) as bar:\n    bar.finish(2)",
    )
    assert done.returncode == 0, done.stdout
    assert "100%" in outputs[-1]
    assert " 2/2 " in outputs[-1]
