"""Execute the notebooks of examples/notebooks and keep what they show.

    python examples/run_notebooks.py                                  # all of them, into notebook_output/
    python examples/run_notebooks.py examples/notebooks/blur.py -o somewhere/

Each is read by jupytext, run by nbclient in a kernel of this Python, and written as an .ipynb file with its outputs. As
many run at once as there are cores, each with one thread. A cell that raises ends its notebook, and a warning that a
reader would see counts as a failure too.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

NOTEBOOKS = Path(__file__).parent / "notebooks"

PATIENCE = 300
"""Seconds for one cell."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, metavar="NOTEBOOK", help="as .py (default: all)")
    parser.add_argument("-o", "--output", type=Path, default=Path("notebook_output"))
    options = parser.parse_args()
    paths = options.paths or sorted(NOTEBOOKS.glob("*.py"))
    options.output.mkdir(parents=True, exist_ok=True)
    paths = sorted(paths, key=lambda path: path.stat().st_size, reverse=True)  # or the longest may begin last
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # threads wait for kernels, which are processes
        succeeded = list(pool.map(lambda path: reported(path, options.output / f"{path.stem}.ipynb"), paths))
    return 0 if all(succeeded) else 1


def reported(path: Path, output: Path) -> bool:
    """Run a notebook, and print how long it took and what went wrong; whether nothing did."""
    start = time.monotonic()
    problem = execute(path, output)
    print(f"{path.stem}: {time.monotonic() - start:.0f} s{f', {problem}' if problem else ''}", flush=True)
    return not problem


def execute(path: Path, output: Path) -> str:
    """Run a notebook where it lies, and write it with its outputs, also where a cell fails.

    Returns:
        What went wrong; nothing if all went well.
    """
    notebook = jupytext.read(path)
    client = NotebookClient(
        notebook,
        timeout=PATIENCE,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        coalesce_streams=True,  # or a bar of text is every state that it had
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    problem = ""
    try:
        with tempfile.TemporaryDirectory() as scratch:  # what a notebook leaves in its own temporary folders is in here
            client.execute(env={**os.environ, "TMPDIR": scratch, "OMP_NUM_THREADS": "1"})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        problem = f"a cell failed:\n{error}"
    nbformat.write(notebook, output)
    return problem or warning_in(notebook)


def warning_in(notebook: nbformat.NotebookNode) -> str:
    """The first warning among the outputs of a notebook; nothing if there is none."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = "".join(output.text for output in outputs if output.get("name") == "stderr")
    return next((f"a cell warns: {line}" for line in shown.splitlines() if "Warning" in line), "")


if __name__ == "__main__":
    sys.exit(main())
