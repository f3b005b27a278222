"""Training images: crops from folders, unpaired ones and pairs.

Every batch is a function of the seed, the process and the step alone. So a resumed run sees the batches that an
uninterrupted one would have seen, and any number of threads or processes can prefetch them.
"""

from __future__ import annotations

import logging
import math
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from udsd.degradation import BlurConfig, BlurSampler, on_other_balanced_paper, on_other_paper, some_without_print
from udsd.errors import ConfigError
from udsd.training.crops import Crops
from udsd.training.data_config import DataConfig
from udsd.training.image_lists import describe_images
from udsd.training.image_pool import ImageCache, ImagePool
from udsd.training.image_stores import OwnImages, SharedImages
from udsd.training.path_blocks import PathBlocks
from udsd.training.real_pairs import PairPool
from udsd.training.sharing import check_sharing
from udsd.training.training_files import find_training_files

logger = logging.getLogger(__name__)


_SHARP, _BLURRED, _PAIRS = range(3)
"""Purposes of a batch: each has random numbers of its own."""


class TrainingCrops:
    """Batches of the training set: sharp crops, blurred crops of other images, and pairs for the warm start.

    Args:
        data: Folders, crop and batch size.
        blur: The synthetic blur, used for the warm start, and for the blurred side when no blurred images are
            given.
        seed: With the process and the step, it decides every batch.
        process: Index of this process, from 0.
        processes: Number of processes that share a batch.
        balance_white: See `ModelConfig`.
        input_scale: See `ModelConfig`. Crops have the size of ``data.crop_size`` after it.
        besides: The folder of the run, whose own pictures are not trained on.

    Raises:
        ConfigError: The batch size is no multiple of the number of processes, or workers are to be processes where
            there is no fork.
        ImageError: There is no folder of sharp images, or a folder is missing or holds no images that can be read, or
            all blurred images are among the sharp ones.
    """

    def __init__(
        self,
        data: DataConfig,
        blur: BlurConfig,
        seed: int,
        *,
        process: int = 0,
        processes: int = 1,
        balance_white: bool = False,
        input_scale: float = 1.0,
        besides: Path | None = None,
    ) -> None:
        if data.batch_size % processes:
            raise ConfigError(
                f"data.batch_size is {data.batch_size}, for {processes} processes together; give a multiple of that"
            )
        self.config = data
        self._blur_config = blur
        self._seed = seed
        self._process = process
        self._count = data.batch_size // processes
        shared = data.worker_processes
        if shared:
            check_sharing()
        self._paths = self._new_paths()
        self._balance_white = balance_white
        self._input_scale = input_scale
        self.files = files = find_training_files(data, besides)
        room = int(data.cache_gigabytes * 2**30)
        store = SharedImages(room, [*files.sharp, *files.blurred]) if shared else OwnImages(room)
        cache = ImageCache(store, balance_white=balance_white)
        self.sharp_pool, self.blurred_pool = ImagePool(files.sharp, cache), ImagePool(files.blurred, cache)
        self._pairs = PairPool(files.pairs, cache) if files.pairs else None
        # The warm start makes its pairs from sharp images, so that it can use those of both sides.
        self._all_sharp = ImagePool([*files.sharp, *files.blurred], cache) if files.blur_on_the_fly else self.sharp_pool

    def at_scale(self, input_scale: float) -> TrainingCrops:
        """The same images at another scale before the networks, without looking for them again."""
        other = copy(self)
        other._input_scale = input_scale
        return other

    def under(self, blur: BlurConfig) -> TrainingCrops:
        """The same images under another blur, without looking for them again."""
        other = copy(self)
        other._blur_config = blur
        other._paths = other._new_paths()
        return other

    @property
    def _own_size(self) -> int:
        """Side of a crop in pixels of its image."""
        return max(1, round(self.config.crop_size / self._input_scale))

    @property
    def _shown(self) -> int | None:
        return None if self._own_size == self.config.crop_size else self.config.crop_size

    def _new_paths(self) -> PathBlocks:
        seed, shared = (self._seed, self._process), self.config.worker_processes
        return PathBlocks(self._blur_config.path_length, self._count, seed, shared=shared)

    @property
    def trained_on(self) -> list[Path]:
        """All images that are trained on, sharp and blurred."""
        return [*self.files.sharp, *self.files.blurred]

    def description(self, *, unpaired: bool) -> str:
        """How many images there are on each side, in words.

        Args:
            unpaired: Whether the run has an unpaired stage. The warm start alone uses all sharp images, and no blurred
                ones.
        """
        files = self.files
        measured = len({*files.held_out} - {*files.sharp, *files.blurred})
        measured += len({*files.held_out_pairs} - {*files.pairs})
        also = f", {measured:,} more to measure on" if measured else ""
        if self._pairs is not None:
            return f"{len(self.files.pairs):,} pairs{also}"
        if not unpaired:
            unused = "" if self.files.blur_on_the_fly else f" ({len(self.files.blurred):,} blurred ones are not used)"
            return f"{len(self._all_sharp.files):,} sharp, which are blurred on the fly{unused}{also}"
        how = "more to be blurred on the fly" if self.files.blur_on_the_fly else "blurred"
        return f"{len(self.files.sharp):,} sharp, {len(self.files.blurred):,} {how}{also}"

    @property
    def share_in_memory(self) -> float:
        """About how many of the images there is room for once they are decoded, as a share from 0 to 1."""
        room, found = self.config.cache_gigabytes * 2**30, describe_images(self.trained_on)
        needed = 3 * found["count"] * math.prod(found.get("median", (0,)))
        return min(1.0, room / needed) if needed else 1.0

    def facts(self, *, unpaired: bool) -> dict[str, Any]:
        """What a model's card says of the images: their numbers and sizes by their use, and nothing of where they are.

        Args:
            unpaired: As for `description`.
        """
        if self._pairs is not None:
            return {"pairs": describe_images(self.files.sharp)}
        if not unpaired:
            return {"sharp, blurred on the fly": describe_images(self._all_sharp.files)}
        side = "sharp, blurred on the fly" if self.files.blur_on_the_fly else "blurred"
        return {"sharp": describe_images(self.sharp_pool.files), side: describe_images(self.blurred_pool.files)}

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps that draw as many crops as there are sharp images."""
        return math.ceil(len(self.sharp_pool.files) / self.config.batch_size)

    def sharp(self, step: int) -> Crops:
        """Sharp crops s."""
        return self._draw(self.sharp_pool, self._random(_SHARP, step))

    def blurred(self, step: int) -> Crops:
        """Blurred crops b, of images that `sharp` never draws from."""
        if not self.files.blur_on_the_fly:
            return self._draw(self.blurred_pool, self._random(_BLURRED, step))
        return self._with_blur(self.blurred_pool, _BLURRED, step)

    def pairs(self, step: int) -> Crops:
        """Sharp crops and a blur for them, for the warm start and its sample grids; or crops of real pairs.

        They come from all sharp images, including those that the unpaired stage uses on its blurred side.
        """
        if self._pairs is not None:
            config, random = self.config, self._random(_PAIRS, step)
            crops = self._pairs.crops(
                self._count,
                self._own_size,
                random,
                minimum_contrast=config.minimum_contrast,
                flip=config.flip,
                scales=config.scales,
            )
            return replace(crops, shown=self._shown)
        return self._with_blur(self._all_sharp, _PAIRS, step)

    def _random(self, purpose: int, step: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, self._process, purpose, step])

    def _with_blur(self, pool: ImagePool, purpose: int, step: int) -> Crops:
        size, random = self._own_size, self._random(purpose, step)
        crops = self._draw(pool, random, margin=self._blur_config.kernel_size // 2)
        # In the unpaired stage only one side would have them, and so give itself away.
        if purpose == _PAIRS and self.config.flat_share:
            pixels, gains = some_without_print(crops.pixels, crops.gains, self.config.flat_share, random)
            crops = replace(crops, pixels=pixels, gains=gains)
        sampler, shaken = BlurSampler(self._blur_config, random), self._paths.draw(purpose, step)
        return replace(crops, blur=sampler.draw(self._count, size, size, shaken=shaken))

    def _draw(self, pool: ImagePool, random: np.random.Generator, margin: int = 0) -> Crops:
        config = self.config
        crops = pool.crops(
            self._count,
            self._own_size,
            random,
            margin=margin,
            minimum_contrast=config.minimum_contrast,
            flip=config.flip,
            scales=config.scales,
        )
        crops = replace(crops, shown=self._shown)
        if not self._balance_white:
            crops = replace(crops, gains=None)
        if not config.other_paper:
            return crops
        if crops.gains is None:
            return replace(crops, pixels=on_other_paper(crops.pixels, config.other_paper, random))
        pixels, gains = on_other_balanced_paper(crops.pixels, crops.gains, config.other_paper, random)
        return replace(crops, pixels=pixels, gains=gains)
