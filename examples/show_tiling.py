"""Why tiles restored by themselves are wrong: the picture in docs/performance.md.

    python examples/show_tiling.py tiling.png

A large blurred page is restored in one piece, in tiles of 256 px each by itself (as most tools do), and in strips as
`Deblurrer` does under a small memory limit. Below each: its difference to the first, eight times as strong.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from udsd import Deblurrer
from udsd.images import side_by_side

SIDE = 2048
TILE = 256
SHOWN = (slice(300, 700), slice(300, 900))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="file to write")
    options = parser.parse_args()
    page = np.array(Image.open(Path(__file__).with_name("page_blurred.png")).convert("RGB"))
    repeats = [-(-SIDE // side) for side in page.shape[:2]]
    page = np.tile(page, (*repeats, 1))[:SIDE, :SIDE].copy()
    deblurrer = Deblurrer.from_pretrained("text-small", dtype="float32")
    whole = deblurrer.deblur(page, memory_limit="8GB")
    strips = deblurrer.deblur(page, memory_limit="20MB")
    tiles = np.empty_like(page)
    for top in range(0, SIDE, TILE):
        for left in range(0, SIDE, TILE):
            tile = slice(top, top + TILE), slice(left, left + TILE)
            tiles[tile] = deblurrer.deblur(page[tile])
    results = {"in one piece": whole, "tiles by themselves": tiles, "strips, 20 MB": strips}
    for name, result in results.items():
        difference = np.abs(result.astype(int) - whole)
        print(f"{name}: largest difference {difference.max()}, PSNR {decibels(difference):.1f} dB")
    pictures = [Image.fromarray(result[SHOWN]) for result in results.values()]
    pictures += [Image.fromarray(stronger(result, whole)[SHOWN]) for result in results.values()]
    captions = [*results, *(f"difference x 8: {name}" for name in results)]
    side_by_side(pictures, captions, columns=3).save(options.picture)


def stronger(result: NDArray[np.uint8], whole: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.clip(8 * np.abs(result.astype(int) - whole), 0, 255).astype(np.uint8)


def decibels(difference: NDArray[np.int_]) -> float:
    error = float(np.mean(difference.astype(float) ** 2))
    return 10 * np.log10(255**2 / error) if error else float("inf")


if __name__ == "__main__":
    main()
