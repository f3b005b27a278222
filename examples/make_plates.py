"""Draw number plates, blur them, restore them with `plate`, and show them: the pictures in its card and in the gallery.

    python examples/make_plates.py docs/images/

`plates.jpg` has medium blur, `failure_plates.jpg` the longest paths, under which letters are invented. The plates are
drawn by `draw_plates.py`, which names the fonts; none is a real one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from draw_plates import FONTS, draw_picture, find_fonts
from PIL import Image, ImageOps

from udsd import Deblurrer
from udsd.degradation import BlurConfig
from udsd.evaluation import SharpImage, blurred_pairs
from udsd.images import save_image, side_by_side

SEED = 7
SHOWN = (240, 160)
READABLE, INVENTED = (0, 8, 11, 18, 22), (7, 14, 4, 1)
"""Numbers of plates: what is shown depends on the seed and the number alone, of the plate as of its blur."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    deblurrer = Deblurrer.from_pretrained("plate")
    show(deblurrer, READABLE, (14.0, 30.0), options.output / "plates.jpg")
    show(deblurrer, INVENTED, (50.0, 60.0), options.output / "failure_plates.jpg")


def show(deblurrer: Deblurrer, numbers: Sequence[int], path_length: tuple[float, float], output: Path) -> None:
    """Write plates blurred, restored and sharp, one below the other."""
    fonts = find_fonts([FONTS])
    sharp = [
        SharpImage(str(number), draw_picture(fonts, np.random.default_rng([SEED, number]))[0])
        for number in range(max(numbers) + 1)
    ]
    blur = BlurConfig(
        path_length=path_length, straight_probability=0.5, noise=(1, 4), jpeg_probability=0.5, jpeg_quality=(50, 90)
    )
    pairs = list(blurred_pairs(sharp, blur, seed=SEED, bins=1))
    shown = []
    for pair in (pairs[number] for number in numbers):
        for image in (pair.blurred, deblurrer.deblur(pair.blurred), pair.sharp):
            shown.append(ImageOps.contain(Image.fromarray(image), SHOWN, Image.Resampling.LANCZOS))
    captions = ["blurred", "restored", "sharp"] + [""] * (len(shown) - 3)
    save_image(side_by_side(shown, captions, columns=3), output, quality=85)


if __name__ == "__main__":
    main()
