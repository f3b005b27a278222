"""Random crops of image files, decoded once and kept in memory while there is room."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsd.errors import ImageError, MemoryLimitError, UdsdError
from udsd.images import decode_image
from udsd.images.levels import to_levels
from udsd.models import white_balance

logger = logging.getLogger(__name__)

_TRIES = 8
"""Draws of a crop; the last one is taken even if it is flat."""


class ImageCache:
    """Decode images, and keep them in memory up to a size. Safe to share between threads.

    Args:
        room: Bytes that may be kept.
        balance_white: Scale the light background of each image to white, as the model does with its input.
    """

    def __init__(self, room: int, *, balance_white: bool = False) -> None:
        self._room = room
        self._balance_white = balance_white
        self._images: dict[Path, NDArray[np.uint8]] = {}
        self._broken: set[Path] = set()
        self._full = False
        self._lock = threading.Lock()

    def read(self, path: Path) -> NDArray[np.uint8] | None:
        """Pixels, uint8 (H, W, 3), of an image file; None, with one warning, if it cannot be decoded.

        A grey image takes one channel in memory, broadcast to three.
        """
        if path in self._broken:
            return None
        stored = self._images.get(path)
        if stored is None:
            try:
                pixels = self._levels(decode_image(path).pixels)
            except (ImageError, MemoryLimitError) as error:
                self._leave_out(path, error)
                return None
            is_grey = bool((pixels == pixels[:1]).all())
            stored = (pixels[:1] if is_grey else pixels).permute(1, 2, 0).contiguous().numpy()
            self._keep(path, stored)
        return np.broadcast_to(stored, (*stored.shape[:2], 3))

    def _levels(self, image: Tensor) -> Tensor:
        return to_levels(white_balance(image, wanted=self._balance_white).apply(image, overwrite=True)[0])

    def _leave_out(self, path: Path, error: UdsdError) -> None:
        with self._lock:
            if path not in self._broken:
                self._broken.add(path)
                logger.warning("a training image is left out: %s", error)

    def _keep(self, path: Path, image: NDArray[np.uint8]) -> None:
        with self._lock:
            if path in self._images:
                return
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

    def crops(
        self,
        count: int,
        size: int,
        random: np.random.Generator,
        *,
        margin: int = 0,
        minimum_contrast: float = 0.0,
        flip: bool = False,
    ) -> Tensor:
        """Draw crops, uint8 (count, 3, S, S) with S = size + 2 * margin.

        Args:
            count: Number of crops.
            size: Side of a crop in pixels.
            random: Source of all randomness.
            margin: Pixels around it that a blur needs. They are the image's own where it is large enough; a smaller one
                is mirrored at its borders, so that crops still come from all of it.
            minimum_contrast: See `DataConfig`.
            flip: See `DataConfig`.

        Raises:
            ImageError: None of the files can be decoded.
        """
        crops = [self._crop(size, margin, minimum_contrast, random) for _ in range(count)]
        if flip:
            crops = [crop[:, ::-1] if random.random() < 0.5 else crop for crop in crops]
        return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)

    def _crop(self, size: int, margin: int, minimum_contrast: float, random: np.random.Generator) -> NDArray[np.uint8]:
        for attempt in range(_TRIES):
            image = self._image(size, random)
            top, left = (_draw_start(side, size, margin, random) for side in image.shape[:2])
            crop = _mirrored_window(image, top - margin, left - margin, size + 2 * margin)
            if attempt == _TRIES - 1 or _contrast(crop) >= minimum_contrast:
                break
        return crop

    def _image(self, at_least: int, random: np.random.Generator) -> NDArray[np.uint8]:
        """Pixels (H, W, 3) of a random file, mirrored at its borders where it is smaller than a crop."""
        image = self._cache.read(self.files[int(random.integers(len(self.files)))])
        if image is None:
            image = self._any_readable(random)
        missing = [max(0, at_least - side) for side in image.shape[:2]]
        if any(missing):
            image = np.pad(image, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="symmetric")
        return image

    def _any_readable(self, random: np.random.Generator) -> NDArray[np.uint8]:
        """Pixels (H, W, 3) of a random file that can be decoded. Which one depends on ``random`` alone."""
        for index in random.permutation(len(self.files)):
            image = self._cache.read(self.files[int(index)])
            if image is not None:
                return image
        raise ImageError(f"none of the {len(self.files)} training images can be decoded; the first is {self.files[0]}")


def _draw_start(side: int, size: int, margin: int, random: np.random.Generator) -> int:
    """First row or column of a crop, chosen so that its margin is inside the image if the image is large enough."""
    reach = margin if side >= size + 2 * margin else 0
    return reach + int(random.integers(side - size - 2 * reach + 1))


def _mirrored_window(image: NDArray[np.uint8], top: int, left: int, size: int) -> NDArray[np.uint8]:
    """A square of ``size`` pixels of an image (H, W, 3), mirrored beyond its borders."""
    height, width = image.shape[:2]
    inside = image[max(top, 0) : top + size, max(left, 0) : left + size]
    if inside.shape[:2] == (size, size):
        return inside
    beyond = [(max(-start, 0), max(start + size - side, 0)) for start, side in ((top, height), (left, width))]
    return np.pad(inside, [*beyond, (0, 0)], mode="symmetric")


def _contrast(crop: NDArray[np.uint8]) -> float:
    """Largest standard deviation of a channel. Over all channels together a flat orange crop would have contrast."""
    return max(float(crop[..., channel].std()) for channel in range(crop.shape[2]))
