"""Draw sampled blur kernels, path lengths rising from left to right.

python examples/show_kernels.py kernels.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from udsd.degradation import BlurConfig, rasterize, sample_camera_paths

ROWS, COLUMNS, ENLARGED = 4, 11, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="file to write")
    options = parser.parse_args()
    lengths = np.tile(np.linspace(10, 60, COLUMNS), ROWS)
    size = BlurConfig().kernel_size
    kernels = rasterize(sample_camera_paths(lengths, np.random.default_rng(1)), size)
    darkness = np.sqrt(kernels / kernels.max(axis=(1, 2), keepdims=True))
    tiles = darkness.reshape(ROWS, COLUMNS, size, size).transpose(0, 2, 1, 3).reshape(ROWS * size, COLUMNS * size)
    picture = Image.fromarray(np.rint(255 * (1 - tiles)).astype(np.uint8))
    picture.resize((ENLARGED * picture.width, ENLARGED * picture.height), Image.Resampling.LANCZOS).save(
        options.picture
    )


if __name__ == "__main__":
    main()
