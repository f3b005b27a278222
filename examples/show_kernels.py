"""Draw sampled blur kernels, path lengths rising from left to right, to the path given on the command line."""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image

from udsd.degradation import BlurConfig, rasterize, sample_camera_paths

ROWS, COLUMNS, ENLARGED = 4, 11, 2


def main() -> None:
    """Write the picture to the path given on the command line."""
    lengths = np.tile(np.linspace(10, 60, COLUMNS), ROWS)
    size = BlurConfig().kernel_size
    kernels = rasterize(sample_camera_paths(lengths, np.random.default_rng(1)), size)
    darkness = np.sqrt(kernels / kernels.max(axis=(1, 2), keepdims=True))
    tiles = darkness.reshape(ROWS, COLUMNS, size, size).transpose(0, 2, 1, 3).reshape(ROWS * size, COLUMNS * size)
    picture = Image.fromarray(np.rint(255 * (1 - tiles)).astype(np.uint8))
    picture.resize((ENLARGED * picture.width, ENLARGED * picture.height), Image.Resampling.LANCZOS).save(sys.argv[1])


if __name__ == "__main__":
    main()
