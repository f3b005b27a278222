"""Which files a run trains on, and which it is measured on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from udsd.errors import ImageError
from udsd.training.data_config import DataConfig
from udsd.training.image_lists import check_images, copies_of, leave_out_shared, list_images, warn_of_files
from udsd.training.measured_images import read_measured
from udsd.training.real_pairs import Pair, check_pairs, find_pairs

logger = logging.getLogger(__name__)

_File = TypeVar("_File")

_FEWEST_HELD_OUT = 2
_FEWEST_TO_HOLD_OUT_OF = 8
"""Of fewer images each is wanted for training; some are measured all the same, to notice a run that does harm."""


@dataclass(frozen=True, slots=True)
class TrainingFiles:
    """The files of a run.

    Attributes:
        sharp: The sharp side.
        blurred: The blurred side.
        blur_on_the_fly: Whether the files of the blurred side are sharp, to be blurred in training.
        pairs: Real pairs (blurred, sharp), whose files the two sides then are; empty for unpaired images.
        held_out: Sharp files that are measured, not trained on (where there are fewer than eight: trained on as well).
        held_out_pairs: The same of pairs.
    """

    sharp: Sequence[Path]
    blurred: Sequence[Path]
    blur_on_the_fly: bool
    pairs: Sequence[Pair] = ()
    held_out: Sequence[Path] = ()
    held_out_pairs: Sequence[Pair] = ()


def find_training_files(data: DataConfig, besides: Path | None = None) -> TrainingFiles:
    """The files that the settings name.

    Args:
        data: The settings.
        besides: The folder of the run, whose own pictures are not trained on.

    Raises:
        ImageError: There is no folder of sharp images, or a folder is missing or holds no images that can be read, or
            all blurred images are among the sharp ones.
    """
    if data.pairs:
        blurred, sharp = map(Path, data.pairs)
        pairs, held_out_pairs = _split_off(check_pairs(find_pairs(blurred, sharp)), data, lambda pair: pair)
        pairs = _of_other_scenes(pairs, held_out_pairs)
        return TrainingFiles(
            [sharp for _, sharp in pairs],
            [blurred for blurred, _ in pairs],
            blur_on_the_fly=False,
            pairs=pairs,
            held_out_pairs=held_out_pairs,
        )
    if not data.sharp:
        raise ImageError("there are no sharp images; name at least one folder of them in data.sharp")
    files, held_out = _split_off(
        check_images(list_images(data.sharp, besides), data.crop_size), data, lambda path: (path,)
    )
    if not data.blurred:
        return TrainingFiles(*_halves(files), blur_on_the_fly=True, held_out=held_out)
    found = check_images(list_images(data.blurred, besides), data.crop_size)
    unpaired = leave_out_shared(found, [*files, *held_out], role="blurred", other_role="sharp")
    return TrainingFiles(files, unpaired, blur_on_the_fly=False, held_out=held_out)


def _split_off(
    files: list[_File], data: DataConfig, scene: Callable[[_File], tuple[Path, ...]]
) -> tuple[list[_File], list[_File]]:
    """Files to train on, and those that are held out, evenly over the list, of what can be measured."""
    if not data.held_out or data.validation or data.validation_pairs:
        return files, []
    is_few = len(files) < _FEWEST_TO_HOLD_OUT_OF
    if is_few:
        logger.warning("%d images are too few to hold some out: the run is measured on images of training", len(files))
        places = list(range(min(_FEWEST_HELD_OUT, len(files))))
    else:
        wanted = min(max(round(data.held_out * len(files)), _FEWEST_HELD_OUT), data.validation_images)
        places = ((np.arange(wanted) + 0.5) * len(files) / wanted).astype(int).tolist()
    # Read now: one that is found to be damaged later could not be exchanged for one that is trained on by then.
    measured = read_measured([scene(file) for file in files], places)
    if not measured:
        logger.warning("none of the images that were tried can be measured: the run is not measured")
    kept = files if is_few else [file for place, file in enumerate(files) if place not in measured]
    return kept, [files[place] for place in measured]


def _of_other_scenes(pairs: list[Pair], held_out: Sequence[Pair]) -> list[Pair]:
    """Pairs without those whose sharp image is, by content, that of a pair which is measured."""
    if not held_out or set(held_out) <= set(pairs):  # few pairs, which are trained on and measured
        return pairs
    shared = copies_of([sharp for _, sharp in pairs], [sharp for _, sharp in held_out])
    kept = [pair for pair in pairs if pair[1] not in shared]
    if not kept:
        logger.warning("all pairs are of the scenes that are measured, which are therefore trained on")
        return pairs
    left_out = [blurred for blurred, sharp in pairs if sharp in shared]
    warn_of_files("are of the scenes that are measured, and are left out of training", left_out)
    return kept


def _halves(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Every second file to each side, since neighbours are often of one document or person, which both should have."""
    if len(files) == 1:
        logger.warning("%s is the only image, so that it is used on the sharp and on the blurred side", files[0])
        return files, files
    return files[0::2], files[1::2]
