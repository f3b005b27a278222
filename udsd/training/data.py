"""Training images: crops from folders, unpaired ones and pairs.

Every batch is a function of the seed, the process and the step alone. So a resumed run sees the batches that an
uninterrupted one would have seen, and any number of threads can prefetch them.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from udsd.degradation import BlurConfig, BlurSampler, on_other_balanced_paper, on_other_paper
from udsd.errors import ConfigError, ImageError
from udsd.training.crops import Crops
from udsd.training.image_lists import check_images, describe_images, leave_out_shared, list_images
from udsd.training.image_pool import ImageCache, ImagePool
from udsd.training.path_blocks import PathBlocks

logger = logging.getLogger(__name__)

_HIGHEST_CONTRAST = 127.5
"""Standard deviation of a crop that is half black and half white."""

_LARGEST_CROP = 2048
"""Pixels a side; the paper has 128. Larger ones fit hardly any memory, and teach no more."""

_MOST_WORKERS = 64

_SHARP, _BLURRED, _PAIRS = range(3)
"""Purposes of a batch: each has random numbers of its own."""


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Which images training crops are taken from, and how.

    Attributes:
        sharp: Folders of sharp images, searched recursively, and text files with a path on each line.
        blurred: The same of blurred images of the same domain, not of the same scenes. When empty, half of the
            sharp images are blurred on the fly and the other half stays sharp, so that the two sides are unpaired all
            the same. (The warm start, which blurs sharp images itself, uses both halves.)
        validation: Folders of sharp images that are not trained on; they are blurred as training images are, to measure
            the run on.
        validation_pairs: A folder of blurred images, and one of the same images without blur, to measure the run on.
            Of a pair both have one name but for its ending.
        validation_images: Number of images of each of them that are measured, spread over all.
        crop_size: Side of the square crops in pixels, a multiple of 4.
        batch_size: Crops of each side in one step, over all processes together.
        minimum_contrast: Crops whose standard deviation (in the channel where it is largest) is below this many grey
            levels of 255 are drawn again, up to seven times: the blank margins of a page teach nothing.
        flip: Mirror crops left to right with a probability of one half. For faces, not for text.
        other_paper: Share of the crops that are reprinted in fainter ink on other paper
            (`udsd.degradation.paper_stock`).
        cache_gigabytes: Size up to which decoded images are kept in memory, in each process.
        workers: Threads that prefetch batches, so that images are decoded while the networks compute; 0 draws each
            batch when it is needed.
    """

    sharp: tuple[str, ...] = ()
    blurred: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    validation_pairs: tuple[str, ...] = ()
    validation_images: int = 32
    crop_size: int = 128
    batch_size: int = 16
    minimum_contrast: float = 0.0
    flip: bool = False
    other_paper: float = 0.0
    cache_gigabytes: float = 4.0
    workers: int = 2

    def __post_init__(self) -> None:
        if not 16 <= self.crop_size <= _LARGEST_CROP or self.crop_size % 4:
            raise ConfigError(f"crop_size is {self.crop_size}; give a multiple of 4 from 16 to {_LARGEST_CROP}")
        for name in ("batch_size", "validation_images"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give at least 1")
        if len(self.validation_pairs) not in (0, 2):
            raise ConfigError(
                f"validation_pairs is {list(self.validation_pairs)}; give a folder of blurred and one of sharp images"
            )
        if not 0 <= self.minimum_contrast <= _HIGHEST_CONTRAST:
            raise ConfigError(f"minimum_contrast is {self.minimum_contrast}; give 0 to {_HIGHEST_CONTRAST}")
        if not 0 <= self.other_paper <= 1:
            raise ConfigError(f"other_paper is {self.other_paper}; give a share from 0 to 1")
        if not 0 <= self.cache_gigabytes < math.inf:
            raise ConfigError(f"cache_gigabytes is {self.cache_gigabytes}; give 0 or more")
        if not 0 <= self.workers <= _MOST_WORKERS:
            raise ConfigError(f"workers is {self.workers}; give 0 to {_MOST_WORKERS}")


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
        besides: The folder of the run, whose own pictures are not trained on.

    Raises:
        ConfigError: The batch size is no multiple of the number of processes.
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
        self._paths = PathBlocks(blur.path_length, self._count, (seed, process))
        self._balance_white = balance_white
        if not data.sharp:
            raise ImageError("there are no sharp images; name at least one folder of them in data.sharp")
        sharp = check_images(list_images(data.sharp, besides), data.crop_size)
        self._blur_on_the_fly = not data.blurred
        if self._blur_on_the_fly:
            sharp, blurred = _split_in_halves(sharp)
        else:
            blurred = leave_out_shared(
                check_images(list_images(data.blurred, besides), data.crop_size),
                sharp,
                role="blurred",
                other_role="sharp",
            )
        cache = ImageCache(int(data.cache_gigabytes * 2**30), balance_white=balance_white)
        self.sharp_pool = ImagePool(sharp, cache)
        self.blurred_pool = ImagePool(blurred, cache)
        # The warm start makes its pairs from sharp images, so that it can use those of both sides.
        self._all_sharp = ImagePool([*sharp, *blurred], cache) if self._blur_on_the_fly else self.sharp_pool

    def description(self, *, unpaired: bool) -> str:
        """How many images there are on each side, in words.

        Args:
            unpaired: Whether the run has an unpaired stage. The warm start alone uses all sharp images, and no blurred
                ones.
        """
        if not unpaired:
            unused = "" if self._blur_on_the_fly else f" ({len(self.blurred_pool.files):,} blurred ones are not used)"
            return f"{len(self._all_sharp.files):,} sharp, which are blurred on the fly{unused}"
        how = "more to be blurred on the fly" if self._blur_on_the_fly else "blurred"
        return f"{len(self.sharp_pool.files):,} sharp, {len(self.blurred_pool.files):,} {how}"

    def facts(self, *, unpaired: bool) -> dict[str, Any]:
        """What a model's card says of the images: their numbers and sizes by their use, and nothing of where they are.

        Args:
            unpaired: As for `description`.
        """
        if not unpaired:
            return {"sharp, blurred on the fly": describe_images(self._all_sharp.files)}
        side = "sharp, blurred on the fly" if self._blur_on_the_fly else "blurred"
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
        if not self._blur_on_the_fly:
            return self._draw(self.blurred_pool, self._random(_BLURRED, step))
        return self._with_blur(self.blurred_pool, _BLURRED, step)

    def pairs(self, step: int) -> Crops:
        """Sharp crops and a blur for them, for the warm start and its sample grids.

        They come from all sharp images, including those that the unpaired stage uses on its blurred side.
        """
        return self._with_blur(self._all_sharp, _PAIRS, step)

    def _random(self, purpose: int, step: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, self._process, purpose, step])

    def _with_blur(self, pool: ImagePool, purpose: int, step: int) -> Crops:
        size, random = self.config.crop_size, self._random(purpose, step)
        crops = self._draw(pool, random, margin=self._blur_config.kernel_size // 2)
        sampler, shaken = BlurSampler(self._blur_config, random), self._paths.draw(purpose, step)
        return replace(crops, blur=sampler.draw(self._count, size, size, shaken=shaken))

    def _draw(self, pool: ImagePool, random: np.random.Generator, margin: int = 0) -> Crops:
        config = self.config
        crops = pool.crops(
            self._count,
            config.crop_size,
            random,
            margin=margin,
            minimum_contrast=config.minimum_contrast,
            flip=config.flip,
        )
        if not self._balance_white:
            crops = replace(crops, gains=None)
        if not config.other_paper:
            return crops
        if crops.gains is None:
            return replace(crops, pixels=on_other_paper(crops.pixels, config.other_paper, random))
        pixels, gains = on_other_balanced_paper(crops.pixels, crops.gains, config.other_paper, random)
        return Crops(pixels, gains=gains)


def _split_in_halves(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Every second file to each side, since neighbours are often of one document or person, which both should have."""
    if len(files) == 1:
        logger.warning("%s is the only image, so that it is used on the sharp and on the blurred side", files[0])
        return files, files
    return files[0::2], files[1::2]
