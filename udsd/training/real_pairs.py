"""Real pairs: a folder of blurred images, and one of the same images without blur, under the same names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from udsd.errors import ImageError
from udsd.images import find_images, read_size
from udsd.training.crop_scales import AS_THEY_ARE, Scales, draw_scale, resized, unscaled
from udsd.training.crops import Crops
from udsd.training.image_lists import warn_of_files
from udsd.training.image_pool import ImageCache, contrast, mirrored_window
from udsd.training.image_stores import CachedImage

_TRIES = 8

Pair = tuple[Path, Path]
"""A blurred image and the same without blur."""


def find_pairs(blurred: Path, sharp: Path) -> list[Pair]:
    """Pairs (blurred, sharp) of two folders: images whose path below the folder is the same but for its ending.

    Files without a partner are left out with a warning.

    Raises:
        ImageError: A folder is missing, or no image has a partner.
    """
    files = [_by_name(folder) for folder in (blurred, sharp)]
    shared = sorted(files[0].keys() & files[1].keys())
    if not shared:
        raise ImageError(f"no image in {blurred} has a partner of its name in {sharp}; give both of a pair one name")
    for own, folder in zip(files, (sharp, blurred), strict=True):
        warn_of_files(f"have no partner in {folder} and are left out", [own[name] for name in own.keys() - set(shared)])
    return [(files[0][name], files[1][name]) for name in shared]


def check_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """Leave out pairs of which a file cannot be read, or whose images are of different sizes, with a warning.

    Raises:
        ImageError: No pair is left.
    """
    kept, broken, unequal = [], [], []
    for pair in pairs:
        try:
            sizes = [read_size(path) for path in pair]
        except ImageError:
            broken.append(pair[0])
            continue
        if sizes[0] != sizes[1]:
            unequal.append(pair[0])
        else:
            kept.append(pair)
    warn_of_files("cannot be read, or their partners cannot, and are left out", broken)
    warn_of_files("have another size than their sharp partner and are left out", unequal)
    if not kept:
        raise ImageError(f"none of the {len(pairs)} pairs can be used; give images of the same size, a pair one name")
    return kept


class PairPool:
    """Random crops of pairs, at the same place of both.

    Args:
        pairs: Files (blurred, sharp) of the same size.
        cache: Where they are decoded and kept.
    """

    def __init__(self, pairs: Sequence[Pair], cache: ImageCache) -> None:
        self.pairs = list(pairs)
        self._cache = cache

    def crops(
        self,
        count: int,
        size: int,
        random: np.random.Generator,
        *,
        minimum_contrast: float = 0.0,
        flip: bool = False,
        scales: Scales = AS_THEY_ARE,
    ) -> Crops:
        """Draw crops of S x S pixels with their blurred partners; arguments as for `ImagePool.crops`.

        Raises:
            ImageError: None of the pairs can be decoded.
        """
        drawn = [self._crop(size, minimum_contrast, scales, random) for _ in range(count)]
        mirrored = random.random(count) < 0.5 if flip else np.zeros(count, bool)
        sharp, blurred = (
            torch.from_numpy(
                np.stack(
                    [
                        pair[side].levels[:, ::-1] if mirror else pair[side].levels
                        for pair, mirror in zip(drawn, mirrored, strict=True)
                    ]
                )
            ).permute(0, 3, 1, 2)
            for side in (1, 0)
        )
        # The blurred image's own gain: it is all that a model sees when it is used.
        gains = torch.from_numpy(np.stack([blurred.gain for blurred, _ in drawn])[..., None, None])
        return Crops(sharp, gains=gains, blurred=blurred)

    def _crop(
        self, wanted_size: int, minimum_contrast: float, scales: Scales, random: np.random.Generator
    ) -> tuple[CachedImage, CachedImage]:
        size, _ = unscaled(wanted_size, 0, draw_scale(scales, random))
        for attempt in range(_TRIES):
            blurred, sharp = self._images(random)
            top, left = (int(random.integers(max(side - size, 0) + 1)) for side in sharp.levels.shape[:2])
            crops = tuple(
                CachedImage(mirrored_window(image.levels, top, left, size), image.gain) for image in (blurred, sharp)
            )
            if attempt == _TRIES - 1 or contrast(crops[1].levels, blurred.gain) >= minimum_contrast:
                break
        blurred, sharp = (replace(crop, levels=resized(crop.levels, wanted_size)) for crop in crops)
        return blurred, sharp

    def _images(self, random: np.random.Generator) -> tuple[CachedImage, CachedImage]:
        """A random pair of those that can be decoded."""
        for index in random.permutation(len(self.pairs)):
            blurred, sharp = (self._cache.read(path) for path in self.pairs[int(index)])
            if blurred is not None and sharp is not None and blurred.levels.shape == sharp.levels.shape:
                return blurred, sharp
        raise ImageError(f"none of the {len(self.pairs)} pairs can be decoded; the first is {self.pairs[0][0]}")


def _by_name(folder: Path) -> dict[str, Path]:
    """Images by their path below the folder, without the ending; of several of one name the first."""
    files: dict[str, Path] = {}
    for path in find_images(folder):
        files.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return files
