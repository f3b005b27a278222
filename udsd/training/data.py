"""Training images: unpaired sharp and blurred crops from folders."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsd.errors import ConfigError, ImageError
from udsd.images import decode_image
from udsd.training.blur import BlurConfig, BlurSampler
from udsd.training.sources import check_images, leave_out_shared, list_images

logger = logging.getLogger(__name__)

_HIGHEST_CONTRAST = 127.5
"""Standard deviation of a crop that is half black and half white."""

_TRIES = 8
"""Draws of a crop before a flat one is taken after all."""


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where crops come from.

    Attributes:
        sharp: Folders of sharp images, searched recursively, and text files with a path on each line.
        blurred: The same of blurred images of the same domain, not of the same scenes. When empty, half of the
            sharp images are set aside and blurred on the fly, the other half stays sharp: unpaired all the same.
            (The warm start, which blurs what it restores, shows both halves.)
        crop_size: Side of the square crops in pixels, a multiple of 4.
        batch_size: Crops of each side in one step.
        minimum_contrast: Crops whose standard deviation (that of the most varied channel) is under this many
            levels of 255 are drawn again, a few times: the margins of a page teach nothing.
        cache_gigabytes: Decoded images are kept in memory up to this size.
    """

    sharp: tuple[str, ...] = ()
    blurred: tuple[str, ...] = ()
    crop_size: int = 128
    batch_size: int = 16
    minimum_contrast: float = 0.0
    cache_gigabytes: float = 4.0

    def __post_init__(self) -> None:
        if self.crop_size < 16 or self.crop_size % 4:
            raise ConfigError(f"crop_size is {self.crop_size}; give a multiple of 4 of at least 16")
        if self.batch_size < 1:
            raise ConfigError(f"batch_size is {self.batch_size}; give at least 1")
        if not 0 <= self.minimum_contrast <= _HIGHEST_CONTRAST:
            raise ConfigError(f"minimum_contrast is {self.minimum_contrast}; give 0 to {_HIGHEST_CONTRAST}")
        if not 0 <= self.cache_gigabytes < math.inf:
            raise ConfigError(f"cache_gigabytes is {self.cache_gigabytes}; give 0 or more")


class ImageCache:
    """Decode images, and keep them in memory while there is room.

    Args:
        room: Bytes that may be kept.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._images: dict[Path, NDArray[np.uint8]] = {}
        self._full = False

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Pixels (H, W, 3) of an image file; a grey image is one channel in memory, seen three times."""
        stored = self._images.get(path)
        if stored is None:
            pixels = ((decode_image(path).pixels[0] + 1) * 127.5).round().to(torch.uint8)
            is_grey = bool((pixels == pixels[:1]).all())
            stored = (pixels[:1] if is_grey else pixels).permute(1, 2, 0).contiguous().numpy()
            self._keep(path, stored)
        return np.broadcast_to(stored, (*stored.shape[:2], 3))

    def _keep(self, path: Path, image: NDArray[np.uint8]) -> None:
        if image.nbytes <= self._room:
            self._room -= image.nbytes
            self._images[path] = image
        elif not self._full:
            self._full = True
            logger.warning(
                "the image cache is full with %d images; the rest is decoded again at every crop, which is slow: "
                "raise data.cache_gigabytes if there is memory",
                len(self._images),
            )


class ImagePool:
    """Random crops from a list of image files.

    Args:
        files: Images of any size that `udsd.images` reads.
        cache: Where they are decoded and kept.
    """

    def __init__(self, files: Sequence[Path], cache: ImageCache) -> None:
        self.files = list(files)
        self._cache = cache

    def crops(self, count: int, size: int, minimum_contrast: float, random: np.random.Generator) -> Tensor:
        """Draw crops, float32 (count, 3, size, size) in [-1, 1]."""
        crops = np.stack([self._crop(size, minimum_contrast, random) for _ in range(count)])
        return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1

    def _crop(self, size: int, minimum_contrast: float, random: np.random.Generator) -> NDArray[np.uint8]:
        for attempt in range(_TRIES):
            image = self._image(int(random.integers(len(self.files))), size)
            top, left = (int(random.integers(side - size + 1)) for side in image.shape[:2])
            crop = image[top : top + size, left : left + size]
            if attempt == _TRIES - 1 or _contrast(crop) >= minimum_contrast:
                break
        return crop

    def _image(self, index: int, at_least: int) -> NDArray[np.uint8]:
        """Pixels (H, W, 3) of one file, mirrored at its borders where it is smaller than a crop."""
        image = self._cache.read(self.files[index])
        missing = [max(0, at_least - side) for side in image.shape[:2]]
        if any(missing):
            image = np.pad(image, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="symmetric")
        return image


class UnpairedCrops:
    """Batches of the training set: sharp crops, blurred crops of other images, and blurred versions of crops.

    Args:
        data: Folders, crop and batch size.
        blur: The synthetic blur, used for the warm start, and for the blurred side when no blurred images are
            given.
        random: Source of all randomness.

    Raises:
        ImageError: There is no folder of sharp images, or a folder is missing or holds no images that can be read, or
            all blurred images are among the sharp ones.
    """

    def __init__(self, data: DataConfig, blur: BlurConfig, random: np.random.Generator) -> None:
        self.config = data
        self._random = random
        self._blur = BlurSampler(blur, random)
        self._margin = blur.kernel_size - 1
        if not data.sharp:
            raise ImageError("there are no sharp images; name at least one folder of them in data.sharp")
        sharp = check_images(list_images(data.sharp), data.crop_size)
        self._blur_on_the_fly = not data.blurred
        if self._blur_on_the_fly:
            sharp, blurred = _halves(sharp)
        else:
            blurred = leave_out_shared(check_images(list_images(data.blurred), data.crop_size), sharp)
        cache = ImageCache(int(data.cache_gigabytes * 2**30))
        self.sharp = ImagePool(sharp, cache)
        self.blurred = ImagePool(blurred, cache)
        # The warm start makes pairs by itself, so that nothing need be set aside for it.
        self._all_sharp = ImagePool([*sharp, *blurred], cache) if self._blur_on_the_fly else self.sharp
        how = "to be blurred on the fly" if self._blur_on_the_fly else "blurred"
        logger.info("%d sharp images, %d %s", len(sharp), len(blurred), how)

    def reseeded(self, random: np.random.Generator) -> UnpairedCrops:
        """The same images with another source of randomness."""
        twin = copy.copy(self)
        twin._random = random
        twin._blur = BlurSampler(self._blur.config, random)
        return twin

    def sharp_batch(self) -> Tensor:
        """Sharp crops s, float32 (B, 3, S, S) in [-1, 1]."""
        return self._draw(self.sharp, self.config.crop_size)

    def blurred_batch(self) -> Tensor:
        """Blurred crops b of images that `sharp_batch` never shows, float32 (B, 3, S, S) in [-1, 1]."""
        if not self._blur_on_the_fly:
            return self._draw(self.blurred, self.config.crop_size)
        return self._blur.blur(self._draw(self.blurred, self.config.crop_size + self._margin))

    def self_supervised_batch(self) -> tuple[Tensor, Tensor]:
        """Sharp crops and blurred versions of them, for the warm start; both (B, 3, S, S) in [-1, 1].

        They come from all sharp images, those among them that the unpaired stage shows on its blurred side.
        """
        wide = self._draw(self._all_sharp, self.config.crop_size + self._margin)
        inner = slice(self._margin // 2, self._margin // 2 + self.config.crop_size)
        return wide[..., inner, inner].contiguous(), self._blur.blur(wide)

    def _draw(self, pool: ImagePool, size: int) -> Tensor:
        return pool.crops(self.config.batch_size, size, self.config.minimum_contrast, self._random)


def _contrast(crop: NDArray[np.uint8]) -> float:
    """By channel: red and green of a flat orange crop differ, but it shows nothing."""
    return max(float(crop[..., channel].std()) for channel in range(crop.shape[2]))


def _halves(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Every second file: neighbours are often of one document or person, which both sides should have seen."""
    if len(files) == 1:
        logger.warning("%s is the only image, so that it is shown on the sharp and on the blurred side", files[0])
        return files, files
    return files[0::2], files[1::2]
