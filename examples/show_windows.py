"""A page whose camera turned, restored at once and in windows: the picture in docs/pictures.md.

    python examples/show_windows.py windows.jpg

The page is drawn. The networks of `text` normalise by means over what they are shown; with the setting `window` of its
`config.json` these are windows of the picture.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from udsd import Deblurrer
from udsd.evaluation import shift_tolerant_psnr
from udsd.images import side_by_side

SIDE = 1000
WORDS = np.array(
    ["the", "light", "of", "a", "picture", "is", "spread", "by", "any", "camera", "that", "turned", "while", "seen"]
)
SHOWN = (slice(480, 700), slice(460, 980))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="file to write")
    options = parser.parse_args()
    sharp = page()
    turned = np.mean([moved(sharp, moment) for moment in np.linspace(-0.5, 0.5, 41)], axis=0)
    blurred = np.clip(turned + np.random.default_rng(0).normal(0, 1, sharp.shape), 0, 255).round().astype(np.uint8)
    in_windows = Deblurrer.from_pretrained("text")
    model = Deblurrer.from_pretrained("text").backend.model
    model.config = replace(model.config, window=None)
    pictures = {
        "as it came": blurred,
        "restored at once": Deblurrer(model).deblur(blurred),
        "restored in windows": in_windows.deblur(blurred),
    }
    captions = [f"{name}, {shift_tolerant_psnr(picture, sharp):.1f} dB" for name, picture in pictures.items()]
    parts = [Image.fromarray(picture[SHOWN]) for picture in pictures.values()]
    side_by_side(parts, captions, columns=1).save(options.picture, quality=88)


def page() -> NDArray[np.uint8]:
    """Print on white."""
    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen, font, words = ImageDraw.Draw(image), ImageFont.load_default(26), np.random.default_rng(0)
    for row in range(20, SIDE - 30, 38):
        line = ""
        while pen.textlength(line, font=font) < SIDE - 150:
            line += f"{words.choice(WORDS)} "
        pen.text((20, row), line, font=font, fill="black")
    return np.asarray(image)


def moved(image: NDArray[np.uint8], moment: float) -> NDArray[np.uint8]:
    """An image, turned by up to 0.4 degrees about its middle and moved by up to 5 pixels."""
    place = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), 0.8 * moment, 1)
    place[:, 2] += np.array([8, 6]) * moment
    return cv2.warpAffine(image, place, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


if __name__ == "__main__":
    main()
