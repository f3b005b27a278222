"""What looking at a picture costs beside restoring it: pages and faces, as a ratio of one run's times.

    python benchmarks/looking.py --side 1414

The picture is drawn: lines of print, portraits (the astronaut of scikit-image), or clouds in which no face is.
Times are of the processor, so that other programs disturb them little.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from udsd import Deblurrer
from udsd.degradation import BlurConfig, BlurSampler
from udsd.domains import DeblurOptions, domain_of, restore_images
from udsd.images.levels import from_array
from udsd.inference.backend import OnProgress

LINE = "The quick brown fox jumps over the lazy dog, and 1874 others read 3.1416 pages of it. "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1414, help="of the picture in pixels (default: 1414)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("picture    restoring   looking    share")
    for name, model, draw in (("page", "text", page), ("portraits", "face", portraits), ("clouds", "face", clouds)):
        picture = blurred(draw(options.side))
        deblurrer = Deblurrer.from_pretrained(model)
        measure(deblurrer, picture)  # loads and warms up
        restoring, looking = np.median([measure(deblurrer, picture) for _ in range(options.rounds)], axis=0)
        print(f"{name:9s}  {restoring:7.2f} s  {looking:6.2f} s  {looking / restoring:6.1%}")


def measure(deblurrer: Deblurrer, picture: torch.Tensor) -> tuple[float, float]:
    """Seconds that the model took, and seconds of all that was done beside it."""
    inside = 0.0

    def restore(
        images: torch.Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None
    ) -> torch.Tensor:
        nonlocal inside
        start = time.process_time()
        result = deblurrer.backend.restore(images)
        inside += time.process_time() - start
        return result

    start = time.process_time()
    restore_images([picture.clone()], restore, domain_of(deblurrer.config), DeblurOptions())
    return inside, time.process_time() - start - inside


def blurred(sharp: np.ndarray) -> torch.Tensor:
    sampler = BlurSampler(BlurConfig(path_length=(20, 20), noise=(2, 2)), np.random.default_rng(0))
    pixels = from_array(sharp)
    return F.interpolate(sampler.blur(pixels).clamp(-1, 1), pixels.shape[-2:], mode="bilinear")


def page(side: int) -> np.ndarray:
    image = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(image)
    for top in range(40, side - 60, 32):
        pen.text((40, top), LINE * (side // 800 + 1), font=ImageFont.load_default(22), fill="black")
    return np.array(image)


def portraits(side: int) -> np.ndarray:
    image = Image.fromarray(clouds(side))
    head = Image.fromarray(data.astronaut()).crop((98, 0, 350, 252))
    for number in range(6):
        size = side // 12 * (1 + number % 3)
        image.paste(head.resize((size, size)), (side // 3 * (number % 3), side // 2 * (number // 3)))
    return np.array(image)


def clouds(side: int) -> np.ndarray:
    noise = np.random.default_rng(0)
    octaves = [noise.uniform(0, 255 / 2**n, (4 * 2**n, 4 * 2**n, 3)).astype(np.float32) for n in range(7)]
    layers = [
        np.asarray(Image.fromarray(o.astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)) for o in octaves
    ]
    total = sum(layer.astype(np.float32) for layer in layers)
    return (total * 255 / total.max()).astype(np.uint8)


if __name__ == "__main__":
    main()
