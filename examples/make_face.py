"""Blur a portrait by three random camera paths, restore it, and show both: the picture on the cards of faces.

    python examples/make_face.py face.png --model face

The portrait is Eileen Collins, a photograph by NASA in the public domain, as scikit-image bundles it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from udsd import Deblurrer
from udsd.degradation import BlurConfig
from udsd.evaluation import SharpImage, blurred_pairs, shift_tolerant_psnr
from udsd.images import save_image, side_by_side

FACE = (128, 0, 320, 192)
"""Left, top, right, bottom of the head in the photograph of 512 x 512 px."""

SIDE = 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", default="face")
    options = parser.parse_args()
    save_image(draw_portrait(options.model), options.output)


def draw_portrait(model: str) -> Image.Image:
    """The portrait at three strengths of blur, blurred, restored by a model, and sharp."""
    deblurrer = Deblurrer.from_pretrained(model)
    sharp = np.asarray(Image.fromarray(data.astronaut()).crop(FACE).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    images, captions = [], []
    for pair in blurred_pairs([SharpImage("portrait", sharp)] * 3, BlurConfig(), seed=1):
        restored = deblurrer.deblur(pair.blurred)
        for name, image in (("blurred", pair.blurred), ("restored", restored), ("sharp", sharp)):
            images.append(Image.fromarray(image))
            score = "" if name == "sharp" else f", {shift_tolerant_psnr(image, sharp):.1f} dB"
            captions.append(f"{pair.strength}\n{name}{score}")
    return side_by_side(images, captions, columns=3)


if __name__ == "__main__":
    main()
