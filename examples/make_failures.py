"""Restore what the bundled models cannot restore, and show it: the failures in the documentation's gallery.

    python examples/make_failures.py failures/ --font lmroman10-regular.otf

Rows of figures under blur and noise, for which `text` invents digits; the same without noise, which come out right, and
what the networks alone make of them (`explained.jpg`); a portrait under the longest camera paths, in which `face` draws
eyes and teeth as faces have them; and the same portrait through `text`, which is the wrong model.
The font is Latin Modern (Debian: fonts-lmodern). The portrait is Eileen Collins, a photograph by NASA in the public
domain, as scikit-image bundles it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from make_face import FACE, SIDE
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from udsd import Deblurrer
from udsd.degradation import BlurConfig
from udsd.evaluation import SharpImage, blurred_pairs
from udsd.images import save_image, side_by_side

ROWS = ("1874   3.1416   27 %   0.5772", "6.0221   299 792   8 503   1.6449", "19 386   0.9159   41 %   2.7183")
POINT = 130 / 72  # pixels in a point at 130 dpi


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--font", required=True)
    options = parser.parse_args()
    text, face = Deblurrer.from_pretrained("text"), Deblurrer.from_pretrained("face")
    figures = draw_figures(ImageFont.truetype(options.font, 11 * POINT))
    portrait = np.asarray(Image.fromarray(data.astronaut()).crop(FACE).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    compare(text, figures, options.output / "explained.jpg")
    show(text, figures, 30, options.output / "failure_figures.jpg", noise=6)
    show(text, figures, 55, options.output / "failure_long_path.jpg", noise=6)
    show(face, portrait, 60, options.output / "failure_face.jpg")
    show(text, portrait, 24, options.output / "failure_wrong_model.jpg", scale="off")


def draw_figures(font: ImageFont.FreeTypeFont) -> np.ndarray:
    page = Image.new("RGB", (340, 130), "white")
    draw = ImageDraw.Draw(page)
    for line, row in enumerate(ROWS):
        draw.text((30, 20 + 32 * line), row, font=font, fill=0)
    return np.asarray(page)


def show(
    deblurrer: Deblurrer, sharp: np.ndarray, path_length: float, output: Path, *, noise: float = 1, **options: str
) -> None:
    """Write the image blurred, restored and sharp, side by side."""
    blurred = blur(sharp, path_length, noise)
    write({"blurred": blurred, "restored": deblurrer.deblur(blurred, **options), "sharp": sharp}, output)


def compare(deblurrer: Deblurrer, sharp: np.ndarray, output: Path) -> None:
    """Write what the networks alone make of a strongly blurred image, and what explains it, below each other."""
    blurred = blur(sharp, 55, 1)
    alone, restored = (deblurrer.deblur(blurred, quality=quality) for quality in ("fast", "normal"))
    write({"blurred": blurred, "the networks alone": alone, "made to explain it": restored, "sharp": sharp}, output)


def blur(sharp: np.ndarray, path_length: float, noise: float) -> np.ndarray:
    settings = BlurConfig(path_length=(path_length, path_length), noise=(noise, noise))
    (pair,) = blurred_pairs([SharpImage("failure", sharp)], settings, seed=3, bins=1)
    return pair.blurred


def write(images: dict[str, np.ndarray], output: Path) -> None:
    shown = [Image.fromarray(image) for image in images.values()]
    save_image(side_by_side(shown, list(images), columns=3 if len(images) == 3 else 2), output, quality=88)


if __name__ == "__main__":
    main()
