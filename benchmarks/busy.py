"""What a machine that other programs use too costs: a command beside busy processes, with short and with usual waits.

    python benchmarks/busy.py                                           # a page of 0.5 megapixels
    python benchmarks/busy.py --command "udsd-train --sharp pages/ ..."    # any other, {output} for a folder

Usual are those of GNU's OpenMP, 300,000 spins; short are those that the commands set (`udsd.cli.environment`).
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

WAITS = {"usual": "300000", "short": "3000"}
DEFAULT = f"udsd deblur {Path(__file__).parent.parent / 'examples' / 'page_blurred.png'} -o {{output}} --model text"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", default=DEFAULT)
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1, 2, 4], help="numbers of processes beside it")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("busy processes", *(f"{name:>9s}" for name in WAITS), "   ratio", sep="  ")
    for busy in options.busy:
        with ExitStack() as beside:
            for _ in range(busy):
                process = beside.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
                beside.callback(process.kill)
            times: dict[str, list[float]] = {name: [] for name in WAITS}
            for _ in range(options.rounds):
                for name, spins in WAITS.items():
                    times[name].append(seconds(options.command, spins))
        usual, short = (statistics.median(values) for values in times.values())
        print(f"{busy:14d}  {usual:7.1f} s  {short:7.1f} s  {usual / short:6.2f}", flush=True)


def seconds(command: str, spins: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        words = shlex.split(command.replace("{output}", f"{folder}/output"))
        start = time.perf_counter()
        env = {**os.environ, "GOMP_SPINCOUNT": spins}
        subprocess.run(words, check=True, capture_output=True, env=env)  # noqa: S603
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
