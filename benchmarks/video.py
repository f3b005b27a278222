"""What restoring a clip costs over the network alone, and whether memory stays flat.

    python benchmarks/video.py                                  # 8 frames of 2 megapixels, the model text
    python benchmarks/video.py --model text-small --frames 12
    python benchmarks/video.py --memory 2000                    # no network, small frames, peaks at a tenth and at all

Time is that of the processor, over all threads, so that other programs on the machine change little; all take turns,
and medians count. The network alone restores the same pixels, decoded beforehand. Without the network what it made of
them is given back, and all else is done: on machines whose speed changes from minute to minute, as shared ones do, that
tells more than the difference of two long times.
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from file_costs import AS_IT_IS, Darker, Remembered, counted, peak_and_size, restored_alone, tell_memory, tell_times

from udsd import Deblurrer
from udsd.files import deblur_video
from udsd.files.options import ReadOptions
from udsd.files.restorer import Restorer
from udsd.files.video import VideoSource

LARGE, SMALL = (1600, 1200), (160, 120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="text")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, metavar="FRAMES")
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.peak_of:
            print(peak_of(options.peak_of, Path(folder)))
        elif options.memory:
            tell_memory(__file__, options.memory, "frames")
        else:
            tell_time(options, Path(folder))


def tell_time(options: argparse.Namespace, folder: Path) -> None:
    path = make(folder / "clip.mp4", options.frames, LARGE)
    deblurrer = Deblurrer.from_pretrained(options.model, device="cpu")
    decoded = list(VideoSource(path, ReadOptions()))
    times: dict[str, list[float]] = {}

    def deblur(name: str, restorer: Restorer, *, steady: bool) -> None:
        with counted(times.setdefault(name, [])):
            deblur_video(restorer, path, folder / f"{len(times[name])}.mp4", options=AS_IT_IS, steady=steady)

    for _ in range(options.rounds):
        with counted(times.setdefault("network alone", [])):
            restorations = restored_alone(deblurrer, decoded)
        for steady, name in ((True, "smoothed"), (False, "frame by frame")):
            deblur(f"{name}, without the network", Remembered(restorations), steady=steady)
            deblur(name, deblurrer, steady=steady)
    print(f"{options.model}, {options.frames} frames of {LARGE[0] * LARGE[1] / 1e6:.1f} megapixels:")
    tell_times(times)


def peak_of(frames: int, folder: Path) -> str:
    path = make(folder / "clip.mp4", frames, SMALL)
    deblur_video(Darker(), path, folder / "b.mp4")
    return peak_and_size(folder / "b.mp4")


def make(path: Path, count: int, size: tuple[int, int]) -> Path:
    """A clip of bars in the sizes of letters, which move by two pixels a frame, with a little noise."""
    width, height = size
    random = np.random.default_rng(0)
    page = np.full((height, width + 2 * count % 97 + 200), 235, np.uint8)
    for top in range(20, height - 20, 34):
        ink = np.repeat(random.random(page.shape[1] // 8 + 1) < 0.5, 8)[: page.shape[1]]
        page[top : top + 18] -= ink.astype(np.uint8) * 190
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(count):
            left = 2 * number % 97
            pixels = page[:, left : left + width, None] + random.integers(0, 12, (height, width, 1), np.uint8)
            frame = av.VideoFrame.from_ndarray(np.repeat(pixels, 3, axis=2), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


if __name__ == "__main__":
    main()
