"""The blur of a folder of images, learnt for a run, and the report that shows it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from udsd.degradation import BlurSet
from udsd.errors import ImageError
from udsd.estimation import (
    MOST_IMAGES,
    SHARP,
    WHOLE,
    BlurEstimator,
    Luminance,
    Plan,
    find_blurs,
    general_estimator,
    learn_blur,
    read_luminances,
    rough_extent,
    typical_extent,
)
from udsd.estimation.estimator import FILE_NAME
from udsd.estimation.light import UNKNOWN_SHARE, in_linear_light
from udsd.training.blur_report import describe_blurs, write_report
from udsd.training.image_lists import check_images, leave_out_shared, list_images
from udsd.training.progress import duration

logger = logging.getLogger(__name__)

BLUR_FILE = FILE_NAME
"""In the folder of a run and of a model: what was learnt about blur."""

BLUR_FILES = (BLUR_FILE, "blur-2.safetensors")
"""Names in the folder of a run; one that overwrites another learns its blur before that of the other is removed."""

_BLURRED = 1.5
"""Extent in pixels of blur from which images that should be sharp are told to be blurred."""


def learn_blur_of(blurred: Sequence[Path], sharp: Sequence[Path], path: Path, *, seed: int, plan: Plan = WHOLE) -> None:
    """Learn the blur of blurred images of the domain of the sharp ones, and write it with its report.

    Args:
        blurred: Blurred images.
        sharp: Sharp ones of other scenes.
        path: The file to write.
        seed: Of all randomness.
        plan: How thoroughly it is learnt.

    Raises:
        ImageError: There are too few images, or the blurred ones are as sharp as the others.
    """
    began = time.monotonic()
    estimator = learn_from(blurred, sharp, seed, plan)
    if typical_extent(estimator.blurs) < SHARP:
        raise ImageError(
            f"the blurred images are as sharp as the sharp ones (their light is spread by "
            f"{typical_extent(estimator.blurs):.1f} px): there is no blur to learn; give others, or leave out --blurred"
        )
    write_report(estimator.blurs, report_of(path))
    estimator.save(path)
    for line in describe_blurs(estimator.blurs):
        logger.info("learnt blur: %s", line)
    logger.info("the blur was learnt in %s; %s shows it", duration(time.monotonic() - began), report_of(path))


def report_of(path: Path) -> Path:
    """The folder of the report on what a file in the folder of a run holds."""
    return path.with_suffix("")


def unpaired_files(blurred: Sequence[str], sharp: Sequence[str], output: Path) -> tuple[list[Path], list[Path]]:
    """The files of folders and lists of blurred and of sharp images, none of them on both sides.

    Raises:
        ImageError: There are no sharp images, a folder is missing or holds no images that can be read, or all blurred
            images are among the sharp.
    """
    if not sharp:
        raise ImageError(
            "blurred images are given without sharp ones of other scenes; give those too, or, beside pairs, leave out "
            "the blurred ones"
        )
    sharp_files = check_images(list_images(sharp, output), 0)
    blurred_files = check_images(list_images(blurred, output), 0)
    return leave_out_shared(blurred_files, sharp_files, role="blurred", other_role="sharp"), sharp_files


def learn_from(blurred: Sequence[Path], sharp: Sequence[Path], seed: int, plan: Plan = WHOLE) -> BlurEstimator:
    """Learn the blur of some files from others that are sharp; a warning says so if those seem blurred themselves.

    Args:
        blurred: Files of blurred images.
        sharp: Files of sharp ones.
        seed: Of all randomness.
        plan: How thoroughly it is learnt.

    Raises:
        ImageError: There are too few images.
    """
    random = np.random.default_rng(seed)
    sharp_images = read_luminances(sharp, plan.images, random)
    blurred_images = read_luminances(blurred, plan.images, random)

    def tell(number: int, found: BlurSet) -> None:
        logger.info("learning the blur, round %d: %s", number, describe_blurs(found)[0])

    _warn_if_blurred(sharp_images)
    return learn_blur(sharp_images, blurred_images, seed=seed, rounds=plan.rounds, on_round=tell)


def find_in(blurred: Sequence[Path], seed: int) -> BlurSet:
    """Find the blurs of some files without sharp ones, with the estimator that comes with the library.

    It does not tell whether light or grey levels were blurred, so that half of the blurs are of light.

    Raises:
        ImageError: None of the files can be read.
    """
    random = np.random.default_rng(seed)
    images = read_luminances(blurred, MOST_IMAGES, random)
    if not images:
        raise ImageError(f"none of the {len(blurred)} images can be read")
    return in_linear_light(find_blurs(general_estimator(), images, seed), UNKNOWN_SHARE, random)


def _warn_if_blurred(sharp: Sequence[Luminance]) -> None:
    if not sharp:
        return
    extent = rough_extent(general_estimator(), sharp)
    if extent > _BLURRED:
        logger.warning(
            "the sharp images seem to be blurred themselves (their light is spread by %.1f px): a model restores to "
            "what it is shown as sharp",
            extent,
        )
