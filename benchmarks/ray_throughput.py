"""What Ray costs: two of its workers beside two processes of ``udsd deblur --shard``, in turns, with the same files.

    python benchmarks/ray_throughput.py --pages 24 --rounds 3 -o ray.json

The time in which processes start and models are loaded is measured with a single page a process and taken off on both
sides: on a million pages it is nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import ray
from PIL import Image

from udsd.domains import DeblurOptions
from udsd.files import Shard
from udsd.ray import count_rows, restore_files

WORKERS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=24)
    parser.add_argument("--side", type=int, default=1024, help="of a page in pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="text")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="error")
    found: dict[str, list[float]] = {"processes": [], "ray": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder / "many", options.pages, options.side)
        draw(folder / "few", WORKERS, options.side)
        for turn in range(options.rounds):
            ways: list[tuple[str, Callable[[Path, Path, str], None]]] = [("processes", in_processes), ("ray", with_ray)]
            for way, restore in ways if turn % 2 == 0 else ways[::-1]:
                seconds = []
                for which in ("few", "many"):
                    start = time.perf_counter()
                    restore(folder / which, folder / f"{way}-{which}-{turn}", options.model)
                    seconds.append(time.perf_counter() - start)
                found[way].append((options.pages - WORKERS) / (seconds[1] - seconds[0]))
    medians = {way: statistics.median(rates) for way, rates in found.items()}
    share = medians["ray"] / medians["processes"]
    options.output.write_text(json.dumps({"pages a second": found, "share": share}, indent=2) + "\n")
    print(f"{medians['processes']:.3f} pages/s in two processes, {medians['ray']:.3f} with Ray: {share:.0%}")


def draw(folder: Path, count: int, side: int) -> None:
    """Pages of noise, as many in each of the two shares."""
    folder.mkdir()
    left = dict.fromkeys(range(1, WORKERS + 1), count // WORKERS)
    random, index = np.random.default_rng(0), 0
    while any(left.values()):
        name = Path(f"{index:05}.png")
        index += 1
        number = next(number for number in left if Shard(number, WORKERS).holds(name))
        if left[number]:
            left[number] -= 1
            Image.fromarray(random.integers(0, 256, (side, side), dtype=np.uint8)).save(folder / name)


def in_processes(pages: Path, output: Path, model: str) -> None:
    """Restore with two processes, each with half of the files."""
    command = [sys.executable, "-m", "udsd", "deblur", pages, "-o", output, "--model", model, "-q", "--scale", "off"]
    running = [
        subprocess.Popen([*command, "--shard", f"{number + 1}/{WORKERS}"])  # noqa: S603
        for number in range(WORKERS)
    ]
    if any(process.wait() for process in running):
        raise SystemExit("a process failed")


def with_ray(pages: Path, output: Path, model: str) -> None:
    """Restore with two workers."""
    count = len(list(pages.iterdir()))
    rows = restore_files(
        str(pages),
        str(output),
        model=model,
        workers=WORKERS,
        files_together=4 if count > 4 else 1,
        options=DeblurOptions(scale="off"),
    )
    if count_rows(rows) != {"restored": count}:
        raise SystemExit(f"not all was restored: {count_rows(rows)}")


if __name__ == "__main__":
    main()
