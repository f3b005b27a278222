"""Draw the losses of training runs: python examples/plot_losses.py runs/mine -o losses.png (needs matplotlib)."""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import matplotlib.pyplot as plt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a training run")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the picture")
    parser.add_argument("--smooth", type=int, default=1, help="mean over this many lines of losses.csv")
    options = parser.parse_args()
    curves: dict[str, list[tuple[int, float]]] = defaultdict(list)
    with (options.run / "losses.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            curves[row["loss"]].append((int(row["step"]), float(row["value"])))
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4 * columns, 2.6 * rows), squeeze=False, layout="constrained")
    for axis in axes.flat[len(curves) :]:
        axis.remove()
    for axis, (name, points) in zip(axes.flat, curves.items(), strict=False):
        groups = [points[first : first + options.smooth] for first in range(0, len(points), options.smooth)]
        axis.plot([group[-1][0] for group in groups], [sum(v for _, v in group) / len(group) for group in groups])
        axis.set(title=name, xlabel="step")
        axis.grid(alpha=0.3)
    figure.savefig(options.output, dpi=110)


if __name__ == "__main__":
    main()
