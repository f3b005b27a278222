"""Random crops of image files, decoded once and kept in memory while there is room."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsd.errors import ImageError, MemoryLimitError, UdsdError
from udsd.images import decode_image
from udsd.images.levels import to_levels
from udsd.models.white import WhiteBalance
from udsd.training.crop_scales import AS_THEY_ARE, Scales, draw_scale, resized, unscaled
from udsd.training.crops import Crops
from udsd.training.image_stores import CachedImage, ImageStore, OwnImages

logger = logging.getLogger(__name__)

_Levels = NDArray[np.uint8]

_TRIES = 8
"""Draws of a crop; the last one is taken even if it is flat."""


class ImageCache:
    """Decode images, and keep them in memory up to a size. Safe to share between threads.

    Args:
        store: Where images are kept, or how many bytes of them in the memory of this process.
        balance_white: Find the gain of each image that scales its light background to white, as the model does with its
            input.
    """

    def __init__(self, store: ImageStore | int, *, balance_white: bool = False) -> None:
        self._store: ImageStore = OwnImages(store) if isinstance(store, int) else store
        self._balance_white = balance_white
        self._broken: set[Path] = set()

    def read(self, path: Path) -> CachedImage | None:
        """An image file; None, with one warning, if it cannot be decoded.

        A grey image takes one channel in memory, broadcast to three.
        """
        if path in self._broken:
            return None
        stored = self._store.get(path)
        if stored is None:
            try:
                pixels = decode_image(path).pixels
            except (ImageError, MemoryLimitError) as error:
                self._leave_out(path, error)
                return None
            levels = to_levels(pixels[0])
            is_grey = bool((levels == levels[:1]).all())
            kept = (levels[:1] if is_grey else levels).permute(1, 2, 0).contiguous().numpy()
            stored = CachedImage(kept, self._gain(pixels))
            self._keep(path, stored)
        return replace(stored, levels=np.broadcast_to(stored.levels, (*stored.levels.shape[:2], 3)))

    def _gain(self, pixels: Tensor) -> NDArray[np.float32]:
        if not self._balance_white:
            return np.ones(pixels.shape[1], np.float32)
        gain: NDArray[np.float32] = WhiteBalance.of(pixels).gain[0, :, 0, 0].numpy()
        return gain

    def _leave_out(self, path: Path, error: UdsdError) -> None:
        self._broken.add(path)
        if self._store.is_news(path):
            logger.warning("a training image is left out: %s", error)

    def _keep(self, path: Path, image: CachedImage) -> None:
        if not self._store.put(path, image) and self._store.is_news(None):
            logger.warning(
                "the image cache is full with %d images; the rest is decoded again at every crop, which is slow: "
                "raise data.cache_gigabytes if there is memory",
                len(self._store),
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

    def crops(
        self,
        count: int,
        size: int,
        random: np.random.Generator,
        *,
        margin: int = 0,
        minimum_contrast: float = 0.0,
        flip: bool = False,
        scales: Scales = AS_THEY_ARE,
    ) -> Crops:
        """Draw crops, of S x S pixels with S = size + 2 * margin.

        Args:
            count: Number of crops.
            size: Side of a crop in pixels.
            random: Source of all randomness.
            margin: Pixels around it that a blur needs. They are the image's own where it is large enough; a smaller one
                is mirrored at its borders, so that crops still come from all of it.
            minimum_contrast: See `DataConfig`.
            flip: See `DataConfig`.
            scales: See `DataConfig`.

        Raises:
            ImageError: None of the files can be decoded.
        """
        drawn = [self._crop(size, margin, minimum_contrast, scales, random) for _ in range(count)]
        crops = [crop.levels for crop in drawn]
        if flip:
            crops = [crop[:, ::-1] if random.random() < 0.5 else crop for crop in crops]
        gains = np.stack([crop.gain for crop in drawn])[..., None, None]
        return Crops(torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2), gains=torch.from_numpy(gains))

    def _crop(
        self, wanted_size: int, wanted_margin: int, minimum_contrast: float, scales: Scales, random: np.random.Generator
    ) -> CachedImage:
        size, margin = unscaled(wanted_size, wanted_margin, draw_scale(scales, random))
        for attempt in range(_TRIES):
            image = self._image(size, random)
            top, left = (_draw_start(side, size, margin, random) for side in image.levels.shape[:2])
            crop = mirrored_window(image.levels, top - margin, left - margin, size + 2 * margin)
            if attempt == _TRIES - 1 or contrast(crop, image.gain) >= minimum_contrast:
                break
        return CachedImage(resized(crop, wanted_size + 2 * wanted_margin), image.gain)

    def _image(self, at_least: int, random: np.random.Generator) -> CachedImage:
        """A random file, mirrored at its borders where it is smaller than a crop."""
        image = self._cache.read(self.files[int(random.integers(len(self.files)))])
        if image is None:
            image = self._any_readable(random)
        missing = [max(0, at_least - side) for side in image.levels.shape[:2]]
        if any(missing):
            padded = np.pad(image.levels, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="symmetric")
            image = replace(image, levels=padded)
        return image

    def _any_readable(self, random: np.random.Generator) -> CachedImage:
        """A random file of those that can be decoded. Which one depends on ``random`` alone."""
        for index in random.permutation(len(self.files)):
            image = self._cache.read(self.files[int(index)])
            if image is not None:
                return image
        raise ImageError(f"none of the {len(self.files)} training images can be decoded; the first is {self.files[0]}")


def _draw_start(side: int, size: int, margin: int, random: np.random.Generator) -> int:
    """First row or column of a crop, chosen so that its margin is inside the image if the image is large enough."""
    reach = margin if side >= size + 2 * margin else 0
    return reach + int(random.integers(side - size - 2 * reach + 1))


def mirrored_window(image: _Levels, top: int, left: int, size: int) -> _Levels:
    """A square of ``size`` pixels of an image (H, W, 3), mirrored beyond its borders."""
    height, width = image.shape[:2]
    inside = image[max(top, 0) : top + size, max(left, 0) : left + size]
    if inside.shape[:2] == (size, size):
        return inside
    beyond = [(max(-start, 0), max(start + size - side, 0)) for start, side in ((top, height), (left, width))]
    return np.pad(inside, [*beyond, (0, 0)], mode="symmetric")


def contrast(crop: _Levels, gain: NDArray[np.float32]) -> float:
    """Largest standard deviation of a channel, scaled as the model sees it.

    Over all channels together a flat orange crop would have contrast.
    """
    return max(float(gain[channel] * crop[..., channel].std()) for channel in range(crop.shape[2]))
