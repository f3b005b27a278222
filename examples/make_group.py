"""Blur a collage of one portrait at many sizes, restore it, and show both: faces of a photo, each brought to the model.

    python examples/make_group.py group.png

The portrait is Eileen Collins, a photograph by NASA in the public domain, as scikit-image bundles it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from skimage import data

from udsd import Deblurrer
from udsd.degradation import BlurConfig
from udsd.evaluation import SharpImage, blurred_pairs
from udsd.images import save_image, side_by_side

HEAD = (98, 0, 350, 252)
"""Left, top, right, bottom of head and shoulders in the photograph of 512 x 512 px; the face is a third as wide."""

SIZE = (960, 420)

PLACES = (
    (30, 60, 330, -8),
    (370, 20, 210, 12),
    (620, 40, 130, -15),
    (790, 60, 150, 5),
    (420, 260, 120, 0),
    (590, 220, 180, 18),
)
"""Left, top and side of each portrait in pixels, and its tilt in degrees."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--path-length", type=float, default=22.0, help="of the camera in pixels (default: 22)")
    options = parser.parse_args()
    (pair,) = blurred_pairs(
        [SharpImage("group", draw_group())], BlurConfig(path_length=(options.path_length,) * 2, noise=(2, 2)), seed=4
    )
    deblurrer = Deblurrer.from_pretrained("face")
    for region in deblurrer.examine(pair.blurred):
        print(region.describe())
    whole = deblurrer.deblur(pair.blurred, faces="off")
    restored = deblurrer.deblur(pair.blurred)
    images = [Image.fromarray(image) for image in (pair.blurred, whole, restored)]
    captions = ["blurred", "restored as it is", "each face brought to the model"]
    save_image(side_by_side(images, captions, columns=1), options.output, quality=80)


def draw_group() -> np.ndarray:
    portrait = Image.fromarray(data.astronaut()).crop(HEAD)
    across, down = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    wall = np.stack([70 + 50 * across, 80 + 40 * down, 110 - 30 * across * down], axis=2)
    group = Image.fromarray(wall.astype(np.uint8))
    for left, top, side, tilt in PLACES:
        small = portrait.resize((side, side), Image.Resampling.LANCZOS)
        frame = Image.new("L", (side, side), 0)
        frame.paste(255, (side // 20, side // 20, side - side // 20, side - side // 20))
        frame = frame.filter(ImageFilter.GaussianBlur(side / 60))
        turned = (image.rotate(tilt, Image.Resampling.BICUBIC, expand=True) for image in (small, frame))
        image, mask = turned
        group.paste(image, (left, top), mask)
    return np.asarray(group)


if __name__ == "__main__":
    main()
