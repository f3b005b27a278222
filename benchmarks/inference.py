"""Time and memory of restoring, against the plain network.

    python benchmarks/inference.py                                   # width 64, sides 256 to 2048
    python benchmarks/inference.py --width 32 --sides 1024 --json figures.json --plot figures.png
    python benchmarks/inference.py --device cuda --sides 1024 2048

"plain" is the network as it is written, in PyTorch's usual layout, as the authors' released code runs it; "channels
last" is the same in the layout that is faster. "strips" is what `Deblurrer` does on a CPU, "one strip" the same without
cutting, "limited" the same within memory_limit="100MB", and "whole" what it does on a GPU. "openvino" is the other
back-end; what is not in 8 bits in its "int8" is in the format that `Deblurrer` chooses by itself.

Every way runs in a process of its own, so that its peak of memory is its own; the ways take turns, round after round,
and the best of each counts. The share of the peak is that of one large matrix product or convolution in the same number
format (for int8 that of bfloat16 or float32, whichever is higher); it counts the operations of the plain network, of
which Winograd's convolutions ("strips" in float32) save up to half. Memory is measured on Linux with glibc.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from machine import matrix_peak, name_of, now
from torch.utils.flop_counter import FlopCounterMode

from udsd import Deblurrer
from udsd.export import export_openvino
from udsd.inference import TorchBackend
from udsd.inference.strips import Store, StripModel
from udsd.models import DeblurModel, ModelConfig

CPU_WAYS = (
    ("plain", "float32"),
    ("channels last", "float32"),
    ("one strip", "float32"),
    ("strips", "float32"),
    ("limited", "float32"),
    ("openvino", "float32"),
    ("one strip", "bfloat16"),
    ("strips", "bfloat16"),
    ("limited", "bfloat16"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
)
CUDA_WAYS = (
    ("plain", "float32"),
    ("channels last", "float32"),
    ("whole", "float32"),
    ("whole", "bfloat16"),
    ("whole", "float16"),
)
Row = dict[str, str | float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024, 2048])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="needs matplotlib")
    parser.add_argument("--one", nargs=4, metavar=("WAY", "FORMAT", "SIDE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        way, name, side, folder = options.one
        print(json.dumps(measure(options.device, options.width, way, name, int(side), Path(folder))))
        return
    report = measure_all(options)
    print(to_markdown(report))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    if options.plot:
        plot(report, options.plot)


def measure_all(options: argparse.Namespace) -> dict[str, object]:
    device = torch.device(options.device)
    ways = CPU_WAYS if device.type == "cpu" else CUDA_WAYS
    model = make_model(options.width)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 256, 256))
    per_pixel = counter.get_total_flops() / 256**2
    formats = {name for _, name in ways} - {"int8"}
    peaks = {name: matrix_peak(device, getattr(torch, name)) for name in sorted(formats)}
    peaks["int8"] = max(peaks.values())
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if device.type == "cpu":
            image = make_image(256)
            export_openvino(model, folder / "int8", [((image[0] + 1) / 2)])
        for side in options.sides:
            torch.save(exact(model, make_image(side)), folder / "exact.pt")
            measured: dict[tuple[str, str], list[list[float]]] = {way: [] for way in ways}
            for _ in range(options.rounds):
                for way in ways:
                    measured[way].append(in_a_process(options, way, side, folder))
            plain = min(seconds for seconds, _, _ in measured["plain", "float32"])
            for way, runs in measured.items():
                seconds = min(run[0] for run in runs)
                pixels = side * side / 1e6
                rows.append(
                    {
                        "side": side,
                        "way": way[0],
                        "format": way[1],
                        "seconds_per_megapixel": seconds / pixels,
                        "speed_up": plain / seconds,
                        "megabytes_per_megapixel": min(run[1] for run in runs) / pixels,
                        "decibels": runs[0][2],
                        "share_of_peak": per_pixel * side * side / seconds / peaks[way[1]],
                    }
                )
                print(f"{side} {way[0]} {way[1]}: {seconds / pixels:.2f} s/Mpx", file=sys.stderr)
    return {
        "machine": name_of(device),
        "torch": torch.__version__,
        "width": options.width,
        "operations_per_pixel": per_pixel,
        "peaks": peaks,
        "rows": rows,
    }


def in_a_process(options: argparse.Namespace, way: tuple[str, str], side: int, folder: Path) -> list[float]:
    given = ["--device", options.device, "--width", str(options.width), "--one", *way, str(side), str(folder)]
    done = subprocess.run([sys.executable, __file__, *given], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        sys.exit(f"{way} at {side}: {done.stderr}")
    result: list[float] = json.loads(done.stdout.splitlines()[-1])
    return result


def make_model(width: int) -> DeblurModel:
    torch.manual_seed(0)
    model = DeblurModel(ModelConfig(base_width=width)).eval().requires_grad_(False)
    torch.nn.init.normal_(model.generator.to_image.weight, std=0.1)
    return model


def make_image(side: int) -> torch.Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def make_runner(device: torch.device, width: int, way: str, name: str, folder: Path) -> Callable[..., torch.Tensor]:
    """A function from images (1, 3, H, W) to their restoration."""
    if way == "openvino":
        limit = "1TB"  # what the machine has is for the machine to say
        if name == "int8":
            return Deblurrer.from_pretrained(folder / "int8", memory_limit=limit).backend.restore
        return Deblurrer(make_model(width), dtype=name, memory_limit=limit, backend="openvino").backend.restore
    model = make_model(width).to(device)
    dtype = getattr(torch, name)
    if way == "plain":
        return lambda image: model(image.to(device))
    model = model.to(memory_format=torch.channels_last)
    if way == "channels last":
        return lambda image: model(image.to(device, memory_format=torch.channels_last))
    if way == "one strip":
        strips = StripModel(model, dtype)

        def run(image: torch.Tensor) -> torch.Tensor:
            with Store() as store:
                code, _ = strips.encode_blur(image, image.shape[2], store)
                return strips.restore(image, code, image.shape[2], store)

        return run
    if way == "limited":
        return TorchBackend(model, device, dtype, "100MB").restore
    return TorchBackend(model, device, dtype, None if device.type == "cuda" else "1TB").restore


@torch.inference_mode()
def measure(device_name: str, width: int, way: str, name: str, side: int, folder: Path) -> tuple[float, float, float]:
    """Seconds (the better of two), megabytes over what an idle process takes, and dB against the network in float64."""
    device = torch.device(device_name)
    run = make_runner(device, width, way, name, folder)
    image = make_image(side)
    run(make_image(64))  # the libraries load what they need
    forget_peak(device)
    idle = peak(device)
    seconds = math.inf
    for _ in range(2):
        restored = None  # or the first result would count as memory of the second run
        start = now(device)
        restored = run(image)
        seconds = min(seconds, now(device) - start)
    megabytes = peak(device) - idle
    expected = torch.load(folder / "exact.pt")
    error = (restored.cpu().double() - expected).square().mean().item()
    return seconds, megabytes, 10 * math.log10(4 / error) if error else math.inf


@torch.inference_mode()
def exact(model: DeblurModel, image: torch.Tensor) -> torch.Tensor:
    """The network in float64; in strips, for its maps would not fit."""
    strips = StripModel(make_model(model.config.base_width).double(), torch.float64)
    with Store() as store:
        code, _ = strips.encode_blur(image.double(), 32, store)
        return strips.restore(image.double(), code, 32, store)


def forget_peak(device: torch.device) -> None:
    """What `peak` gives afterwards is of what is still in use: loading a model takes more than keeping it."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        return
    ctypes.CDLL(None).malloc_trim(0)  # free memory that the C library keeps would count as in use
    Path("/proc/self/clear_refs").write_text("5")  # Linux: VmHWM begins anew


def peak(device: torch.device) -> float:
    """Megabytes, at most, since `forget_peak`."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    # Not ru_maxrss, which a process takes over from the one that started it.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1.024e-3


def to_markdown(report: dict[str, object]) -> str:
    peaks = ", ".join(f"{name} {peak / 1e12:.2f}" for name, peak in report["peaks"].items() if name != "int8")
    lines = [
        f"Width {report['width']}, {report['machine']}, torch {report['torch']}. "
        f"Peaks in TFLOP/s: {peaks}; {report['operations_per_pixel'] / 1e6:.2f} million operations a pixel.",
        "",
        "| side | way | format | s/Mpx | speed-up | share of peak | MB/Mpx | dB against float64 |",
        "|---:|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in report["rows"]:
        lines.append(
            f"| {row['side']} | {row['way']} | {row['format']} | {row['seconds_per_megapixel']:.2f} | "
            f"{row['speed_up']:.2f} | {row['share_of_peak']:.0%} | {row['megabytes_per_megapixel']:.0f} | "
            f"{row['decibels']:.0f} |"
        )
    return "\n".join(lines)


def plot(report: dict[str, object], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    rows = report["rows"]
    colours = {way: f"C{number}" for number, way in enumerate(dict.fromkeys(row["way"] for row in rows))}
    styles = {"float32": "-", "bfloat16": "--", "float16": "-.", "int8": ":"}
    for way in dict.fromkeys((row["way"], row["format"]) for row in rows):
        chosen = [row for row in rows if (row["way"], row["format"]) == way]
        sides = [row["side"] for row in chosen]
        for axis, key in zip(axes, ("speed_up", "megabytes_per_megapixel"), strict=True):
            style = {"color": colours[way[0]], "linestyle": styles[way[1]]}
            axis.plot(sides, [row[key] for row in chosen], marker="o", label=" ".join(way), **style)
    axes[0].set(title="speed over the plain network in float32", xlabel="side in pixels")
    axes[1].set(title="memory, megabytes a megapixel", xlabel="side in pixels", ylim=(0, None))
    for axis in axes:
        axis.set_xscale("log", base=2)
        axis.set_xticks(sides, [str(side) for side in sides])
        axis.grid(alpha=0.3)
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
