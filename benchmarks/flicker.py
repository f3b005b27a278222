"""Clips of a page and of a portrait behind a blur that changes by frame: restored frame by frame, and smoothed.

    python benchmarks/flicker.py -o clips/                        # both, of 10 s, some minutes each
    python benchmarks/flicker.py -o clips/ --kinds page --seconds 2

The clips and a picture of a few frames of each are written. Flicker is the warped difference of neighbouring frames
(`udsd.evaluation.flicker_score`); that of the sharp clip is what a perfect restoration would have.
"""

from __future__ import annotations

import argparse
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from clips import RATE, SECONDS, SIZES, Frame, blurred_frames, sharp_frames
from PIL import Image

from udsd import Deblurrer
from udsd.evaluation import flicker_score, psnr
from udsd.files import deblur_video
from udsd.images import save_image, side_by_side

MODELS = {"page": ("text", 18.0), "portrait": ("face", 14.0)}
"""The model, and the length of the camera's paths in pixels."""

SHOWN = (0.2, 0.5, 0.8)
"""Parts of the clip at which two neighbouring frames are shown."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--kinds", nargs="+", choices=MODELS, default=[*MODELS])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    print("clip      result          flicker  of input's   PSNR    seconds")
    for kind in options.kinds:
        measure(kind, round(RATE * options.seconds), options.output)


def measure(kind: str, count: int, folder: Path) -> None:
    model, length = MODELS[kind]
    sharp = list(sharp_frames(kind, count))
    clip = write(folder / f"{kind}.mp4", SIZES[kind], blurred_frames(iter(sharp), length))
    blurred = read(clip)
    deblurrer = Deblurrer.from_pretrained(model)
    results = {"input": blurred, "sharp": sharp}
    tell(kind, "input", results, 0)
    for name, steady in (("frame by frame", False), ("smoothed", True)):
        start = time.perf_counter()
        target = folder / f"{kind}_{name.replace(' ', '_')}.mp4"
        deblur_video(deblurrer, clip, target, steady=steady)
        results[name] = read(target)
        tell(kind, name, results, time.perf_counter() - start)
    tell(kind, "sharp", results, 0)
    show(results, folder / f"{kind}.png")


def tell(kind: str, name: str, results: dict[str, list[Frame]], seconds: float) -> None:
    score = flicker_score(results[name], results["input"])
    quality = np.mean([psnr(one, other) for one, other in zip(results[name], results["sharp"], strict=True)])
    print(f"{kind:9s} {name:15s} {score.restored:6.2f}  {score.ratio:9.2f}  {quality:7.2f}  {seconds:9.1f}", flush=True)


def show(results: dict[str, list[Frame]], path: Path) -> None:
    names = ("input", "frame by frame", "smoothed", "sharp")
    numbers = [round(part * len(results["input"])) + step for part in SHOWN for step in (0, 1)]
    images = [Image.fromarray(results[name][number]) for number in numbers for name in names]
    captions = [f"{name}, frame {number}" for number in numbers for name in names]
    save_image(side_by_side(images, captions, columns=len(names)), path)


def write(path: Path, size: tuple[int, int], frames: Any) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(path: Path) -> list[Frame]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(container.streams.video[0])]


if __name__ == "__main__":
    main()
