"""Time and memory of restoring, against the plain network.

    python benchmarks/inference.py                       # width 64, sides 256 to 2048
    python benchmarks/inference.py --width 32 --sides 1024

Every row runs in a process of its own, so that its peak of memory is its own. "plain" is the network as it is written,
in float32; "autocast" is the same in bfloat16; "strips" is what `Deblurrer` does; "one strip" the same without cutting.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time

import torch

from udsd.inference.planes import Store
from udsd.inference.strips import StripModel
from udsd.models import DeblurModel, ModelConfig

WAYS = (
    ("plain", "float32"),
    ("autocast", "bfloat16"),
    ("one strip", "float32"),
    ("strips", "float32"),
    ("one strip", "bfloat16"),
    ("strips", "bfloat16"),
)
STRIP_PIXELS = 32_768


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024, 2048])
    parser.add_argument("--one", nargs=3, metavar=("WAY", "FORMAT", "SIDE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.width, options.one[0], options.one[1], int(options.one[2]))))
        return
    print(
        f"width {options.width}, {os.cpu_count()} CPUs, {torch.get_num_threads()} threads, torch {torch.__version__}\n"
    )
    print("| side | way | format | s/Mpx | speed-up | MB/Mpx | dB against float64 |")
    print("|---:|---|---|---:|---:|---:|---:|")
    for side in options.sides:
        plain = 0.0
        for way, name in WAYS:
            command = [sys.executable, __file__, "--width", str(options.width), "--one", way, name, str(side)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
            seconds, megabytes, agreement = json.loads(done.stdout)
            plain = plain or seconds
            pixels = side * side / 1e6
            print(
                f"| {side} | {way} | {name} | {seconds / pixels:.2f} | {plain / seconds:.2f} | "
                f"{megabytes / pixels:.0f} | {agreement:.0f} |",
                flush=True,
            )


@torch.inference_mode()
def measure(width: int, way: str, name: str, side: int) -> tuple[float, float, float]:
    """Seconds (the better of two), megabytes over what an idle process takes, and dB against the network in float64."""
    torch.manual_seed(0)
    model = DeblurModel(ModelConfig(base_width=width)).eval().to(memory_format=torch.channels_last)
    torch.nn.init.normal_(model.generator.to_image.weight, std=0.1)
    image = (torch.rand(1, 3, side, side) * 2 - 1).to(memory_format=torch.channels_last)
    strips = StripModel(model, getattr(torch, name))
    height = max(STRIP_PIXELS // side // 4 * 4, 4) if way == "strips" else side

    def run() -> torch.Tensor:
        if way in ("plain", "autocast"):
            with torch.autocast("cpu", torch.bfloat16, enabled=way == "autocast"):
                return model(image).float()
        with Store() as store:
            code, _ = strips.encode_blur(image, height, store)
            return strips.restore(image, code, height, store)

    run_small(model, strips)
    idle = peak()
    seconds = math.inf
    for _ in range(2):
        start = time.perf_counter()
        restored = run()
        seconds = min(seconds, time.perf_counter() - start)
    megabytes = peak() - idle
    expected = exact(model, image)
    error = (restored.double() - expected.double()).square().mean().item()
    return seconds, megabytes, 10 * math.log10(4 / error) if error else math.inf


def exact(model: DeblurModel, image: torch.Tensor) -> torch.Tensor:
    """The network in float64; in strips, for its maps would not fit."""
    strips = StripModel(model.double(), torch.float64)
    with Store() as store:
        code, _ = strips.encode_blur(image.double(), 32, store)
        return strips.restore(image.double(), code, 32, store)


def run_small(model: DeblurModel, strips: StripModel) -> None:
    """Have the libraries load what they need."""
    small = torch.zeros(1, 3, 64, 64)
    model(small)
    with Store() as store:
        strips.restore(small, torch.zeros(1, model.config.blur_code_size), 64, store)


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
