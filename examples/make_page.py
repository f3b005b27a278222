"""Make the example page: our own text, typeset here, and a blurred copy of it.

    python examples/make_page.py --font lmroman10-regular.otf --bold lmroman10-bold.otf

The fonts are Latin Modern (Debian: fonts-lmodern); the pictures in this folder were made with them. The blur is a
random camera path, as in training, with a seed that no training run uses. The model never saw this page.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from udsd.degradation import BlurConfig, BlurSampler
from udsd.images.levels import to_levels, to_pixels

HERE = Path(__file__).parent
SIZE = (900, 520)
MARGIN = 60
POINT = 130 / 72  # pixels in a point at 130 dpi

TITLE = "On reading what was shaken"
PARAGRAPHS = (
    "A photograph of a page is the page, drawn again and again along the path that the camera took while its "
    "shutter was open. Nothing of the ink is lost in this: every letter is still there, only spread over its "
    "neighbours. Whoever knows what letters look like can put most of them back.",
    "Two questions are asked of each image. What does it show? And how was it blurred? One network answers the "
    "first, a second network the second, and a third draws the page anew from the answer to the first while it "
    "forgets the answer to the second. No pair of a sharp and a blurred photograph of one page is needed.",
    "Short paths are easy, and long ones are not: once strokes of different letters lie on each other, two words "
    "may leave the same trace, and an honest tool should rather leave them grey than invent a third. Figures such "
    "as 1874, 3.1416 or 27 % deserve a second look, for no dictionary stands behind them.",
)


def main() -> None:
    """Write page_sharp.png and page_blurred.png."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--font", required=True)
    parser.add_argument("--bold", required=True)
    parser.add_argument("--seed", type=int, default=2019)
    options = parser.parse_args()
    page = typeset(ImageFont.truetype(options.font, 11 * POINT), ImageFont.truetype(options.bold, 15 * POINT))
    page.save(HERE / "page_sharp.png", optimize=True)
    blur(page, options.seed).save(HERE / "page_blurred.png", optimize=True)


def typeset(font: ImageFont.FreeTypeFont, bold: ImageFont.FreeTypeFont) -> Image.Image:
    """Set the title and the paragraphs on white, ragged right."""
    page = Image.new("L", SIZE, 255)
    draw = ImageDraw.Draw(page)
    draw.text((MARGIN, MARGIN), TITLE, font=bold, fill=0)
    top = MARGIN + 3 * font.size
    for paragraph in PARAGRAPHS:
        for line in wrap(paragraph, font, SIZE[0] - 2 * MARGIN):
            draw.text((MARGIN, top), line, font=font, fill=0)
            top += 1.25 * font.size
        top += 0.75 * font.size
    return page


def wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Break text into lines no wider than ``width`` pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def blur(page: Image.Image, seed: int) -> Image.Image:
    """Blur the page with one random camera path and a little noise."""
    sampler = BlurSampler(BlurConfig(path_length=(22, 28), noise=(1, 1)), np.random.default_rng(seed))
    margin = sampler.config.kernel_size // 2
    levels = torch.from_numpy(np.pad(np.asarray(page), margin, mode="edge"))
    return Image.fromarray(to_levels(sampler.blur(to_pixels(levels)[None, None])[0, 0]).numpy())


if __name__ == "__main__":
    main()
