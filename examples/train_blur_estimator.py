"""Train an estimator of blur for one domain, from its sharp images alone.

    python examples/train_blur_estimator.py pages/ -o my-model/blur.safetensors

Under that name beside the weights of a model, `Deblurrer.estimate_blur` and `reblur` use it, not the general one. That
one (`udsd/estimation/blur_of_anything.safetensors`) was made so from 24,000 simulated images of pages, photographs and
plates.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np

from udsd.estimation import read_luminances, train_estimator
from udsd.training.image_lists import check_images, list_images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sharp", nargs="+", help="folders of sharp images, or lists of files")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file, such as blur.safetensors")
    parser.add_argument("--images", type=int, default=16_000, help="simulated images (default: 16000)")
    parser.add_argument("--most", type=int, default=600, help="sharp images that are kept in memory (default: 600)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    files = check_images(list_images(options.sharp), 0)
    sharp = read_luminances(files, options.most, np.random.default_rng(options.seed))
    train_estimator(sharp, images=options.images, seed=options.seed).save(options.output)


if __name__ == "__main__":
    main()
