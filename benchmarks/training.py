"""How fast a training step is, against what this machine's matrix units can do.

    python benchmarks/training.py                          # the paper's step, at the paper's sizes
    python benchmarks/training.py --width 32 --crop 64 --batch 8 --formats float32 bfloat16
    python benchmarks/training.py --device cuda --compile
    python benchmarks/training.py --draw 1 2 4             # batches a second of so many processes, and of threads

Prints a Markdown table: steps and samples a second, TFLOP/s reached, and the share of the peak that one large matrix
product reaches in the same number format. Batches are drawn from noise images in memory, blur synthesis included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import torch
from machine import matrix_peak, name_of, now
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from udsd.evaluation.vgg import VGG19Features
from udsd.models import ModelConfig
from udsd.training.config import TrainingConfig, UnpairedConfig, WarmStartConfig
from udsd.training.data import TrainingCrops
from udsd.training.data_config import DataConfig
from udsd.training.learner import Learner
from udsd.training.losses import LossWeights
from udsd.training.prefetch import prefetch
from udsd.training.processes import Processes

STAGES = ("warm start", "unpaired")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=10, help="steps that are timed")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before them")
    parser.add_argument("--formats", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--stages", nargs="+", default=list(STAGES), choices=STAGES)
    parser.add_argument("--compile", action="store_true", help="also with compiled networks")
    parser.add_argument("--draw", type=int, nargs="+", metavar="WORKERS", help="time the drawing of batches alone")
    options = parser.parse_args()
    if options.draw:
        print_drawing(options)
        return
    device = torch.device(options.device)
    print(f"width {options.width}, crops of {options.crop} px, batch {options.batch}, {name_of(device)}\n")
    print("| stage | format | compiled | steps/s | samples/s | TFLOP/s | share of peak |")
    print("|---|---|---|---:|---:|---:|---:|")
    peaks = {name: matrix_peak(device, getattr(torch, name)) for name in options.formats}
    for stage in options.stages:
        for name in options.formats:
            for compiled in (False, True) if options.compile else (False,):
                rate, flops = time_steps(options, device, stage, name, compiled=compiled)
                reached = rate * flops
                print(
                    f"| {stage} | {name} | {'yes' if compiled else 'no'} | {rate:.2f} | {rate * options.batch:.1f} | "
                    f"{reached / 1e12:.3f} | {reached / peaks[name]:.0%} |",
                    flush=True,
                )
    print("\nPeaks: " + ", ".join(f"{name} {peak / 1e12:.2f} TFLOP/s" for name, peak in peaks.items()))


def print_drawing(options: argparse.Namespace) -> None:
    print(f"crops of {options.crop} px, batch {options.batch}\n")
    print("| workers | processes: batches/s | threads: batches/s | ratio |")
    print("|---:|---:|---:|---:|")
    for workers in options.draw:
        # Processes first: threads that are just ending are not to be forked.
        processes, threads = (time_drawing(options, workers, in_processes=flag) for flag in (True, False))
        time.sleep(1)
        print(f"| {workers} | {processes:.2f} | {threads:.2f} | {processes / threads:.2f} |", flush=True)


def time_drawing(options: argparse.Namespace, workers: int, *, in_processes: bool) -> float:
    """Batches of the warm start a second, drawn and not used."""
    with noise_images() as folder:
        data = DataConfig(
            sharp=(folder,), crop_size=options.crop, batch_size=options.batch, worker_processes=in_processes
        )
        crops = TrainingCrops(data, TrainingConfig().blur, seed=0)
        with closing(prefetch(crops.pairs, range(10**6), workers, in_processes=in_processes)) as batches:
            for _ in range(options.warm_up):
                next(batches)
            start = time.perf_counter()
            for _ in range(options.steps):
                next(batches)
            return float(options.steps / (time.perf_counter() - start))


@contextmanager
def noise_images() -> Iterator[str]:
    """A folder of images of noise."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(8):
            noise = np.random.default_rng(number).integers(0, 256, (320, 320, 3), dtype=np.uint8)
            Image.fromarray(noise).save(Path(folder) / f"{number}.png")
        yield folder


def time_steps(
    options: argparse.Namespace, device: torch.device, stage: str, precision: str, *, compiled: bool
) -> tuple[float, float]:
    """Steps a second, and floating-point operations of one step."""
    with noise_images() as folder:
        config = TrainingConfig.from_dict({"run": {"precision": precision, "compile": compiled}})
        config = TrainingConfig(
            model=ModelConfig(base_width=options.width),
            data=DataConfig(sharp=(folder,), crop_size=options.crop, batch_size=options.batch),
            loss=LossWeights(),
            warm_start=WarmStartConfig(steps=10**6 if stage == "warm start" else 0),
            unpaired=UnpairedConfig(steps=10**6),
            run=config.run,
        )
        crops = TrainingCrops(config.data, config.blur, seed=0)
        # Random weights take as long as trained ones.
        learner = Learner(config, Processes(device), VGG19Features())
        batches = prefetch(lambda step: learner.draw(crops, step), range(10**6), config.data.workers)
        for _ in range(options.warm_up):
            learner.step(0, next(batches))
        start = now(device)
        for _ in range(options.steps):
            learner.step(0, next(batches))
        rate = options.steps / (now(device) - start)
        with FlopCounterMode(display=False) as counter:
            plain = Learner(config, Processes(device), VGG19Features()) if compiled else learner
            plain.step(0, next(batches))
        batches.close()
        return rate, float(counter.get_total_flops())


if __name__ == "__main__":
    main()
