"""Training images: unpaired sharp and blurred crops from folders.

Every batch is a function of the seed, the process and the step alone. So a resumed run sees the batches that an
uninterrupted one would have seen, and any number of threads can prefetch them.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsd.degradation import Blur, BlurConfig, BlurSampler, on_other_paper
from udsd.errors import ConfigError, ImageError
from udsd.images import decode_image
from udsd.images.levels import to_levels, to_pixels
from udsd.models import white_balance
from udsd.training.sources import check_images, leave_out_shared, list_images

logger = logging.getLogger(__name__)

_HIGHEST_CONTRAST = 127.5
"""Standard deviation of a crop that is half black and half white."""

_TRIES = 8
"""Draws of a crop; the last one is taken even if it is flat."""

_MOST_WORKERS = 64

_SHARP, _BLURRED, _PAIRS = range(3)
"""Purposes of a batch: each has random numbers of its own."""

_Batch = TypeVar("_Batch")


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Which images training crops are taken from, and how.

    Attributes:
        sharp: Folders of sharp images, searched recursively, and text files with a path on each line.
        blurred: The same of blurred images of the same domain, not of the same scenes. When empty, half of the
            sharp images are blurred on the fly and the other half stays sharp, so that the two sides are unpaired all
            the same. (The warm start, which blurs sharp images itself, uses both halves.)
        validation: Folders of sharp images that are not trained on, to measure the run on.
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
    crop_size: int = 128
    batch_size: int = 16
    minimum_contrast: float = 0.0
    flip: bool = False
    other_paper: float = 0.0
    cache_gigabytes: float = 4.0
    workers: int = 2

    def __post_init__(self) -> None:
        if self.crop_size < 16 or self.crop_size % 4:
            raise ConfigError(f"crop_size is {self.crop_size}; give a multiple of 4 of at least 16")
        if self.batch_size < 1:
            raise ConfigError(f"batch_size is {self.batch_size}; give at least 1")
        if not 0 <= self.minimum_contrast <= _HIGHEST_CONTRAST:
            raise ConfigError(f"minimum_contrast is {self.minimum_contrast}; give 0 to {_HIGHEST_CONTRAST}")
        if not 0 <= self.other_paper <= 1:
            raise ConfigError(f"other_paper is {self.other_paper}; give a share from 0 to 1")
        if not 0 <= self.cache_gigabytes < math.inf:
            raise ConfigError(f"cache_gigabytes is {self.cache_gigabytes}; give 0 or more")
        if not 0 <= self.workers <= _MOST_WORKERS:
            raise ConfigError(f"workers is {self.workers}; give 0 to {_MOST_WORKERS}")


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
            except ImageError as error:
                self._leave_out(path, error)
                return None
            is_grey = bool((pixels == pixels[:1]).all())
            stored = (pixels[:1] if is_grey else pixels).permute(1, 2, 0).contiguous().numpy()
            self._keep(path, stored)
        return np.broadcast_to(stored, (*stored.shape[:2], 3))

    def _levels(self, image: Tensor) -> Tensor:
        return to_levels(white_balance(image, wanted=self._balance_white).apply(image, overwrite=True)[0])

    def _leave_out(self, path: Path, error: ImageError) -> None:
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


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """One batch of crops on the CPU: in bytes, and not yet blurred.

    Attributes:
        pixels: uint8 (B, 3, H, W); with a blur, larger than the crops by the margin that it needs.
        blur: The blur to be applied; None for images that are taken as they are.
    """

    pixels: Tensor
    blur: Blur | None = None

    def to_device(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Move the crops to a device and blur them there; returns them without and with the blur.

        Both are float32 (B, 3, S, S) in [-1, 1], channels last; if there is no blur, they are the same tensor.
        """
        pixels = self.pixels.pin_memory() if device.type == "cuda" else self.pixels
        images = to_pixels(pixels.to(device, non_blocking=True))
        if self.blur is None:
            images = images.contiguous(memory_format=torch.channels_last)
            return images, images
        margin = self.blur.kernels.shape[-1] // 2
        size = images.shape[-1] - 2 * margin
        sharp, blurred = images[..., margin : margin + size, margin : margin + size], self.blur.apply(images)
        return (
            sharp.contiguous(memory_format=torch.channels_last),
            blurred.contiguous(memory_format=torch.channels_last),
        )


class UnpairedCrops:
    """Batches of the training set: sharp crops, blurred crops of other images, and pairs for the warm start.

    Args:
        data: Folders, crop and batch size.
        blur: The synthetic blur, used for the warm start, and for the blurred side when no blurred images are
            given.
        seed: With the process and the step, it decides every batch.
        process: Index of this process, from 0.
        processes: Number of processes that share a batch.
        balance_white: See `ModelConfig`.

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
        self._balance_white = balance_white
        if not data.sharp:
            raise ImageError("there are no sharp images; name at least one folder of them in data.sharp")
        sharp = check_images(list_images(data.sharp), data.crop_size)
        self._blur_on_the_fly = not data.blurred
        if self._blur_on_the_fly:
            sharp, blurred = _split_in_halves(sharp)
        else:
            blurred = leave_out_shared(
                check_images(list_images(data.blurred), data.crop_size), sharp, role="blurred", other_role="sharp"
            )
        cache = ImageCache(int(data.cache_gigabytes * 2**30), balance_white=balance_white)
        self.sharp_pool = ImagePool(sharp, cache)
        self.blurred_pool = ImagePool(blurred, cache)
        # The warm start makes its pairs from sharp images, so that it can use those of both sides.
        self._all_sharp = ImagePool([*sharp, *blurred], cache) if self._blur_on_the_fly else self.sharp_pool
        how = "to be blurred on the fly" if self._blur_on_the_fly else "blurred"
        logger.info("%d sharp images, %d %s", len(sharp), len(blurred), how)

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps that draw as many crops as there are sharp images."""
        return math.ceil(len(self.sharp_pool.files) / self.config.batch_size)

    def sharp(self, step: int) -> Crops:
        """Sharp crops s."""
        return self._without_blur(self.sharp_pool, self._random(_SHARP, step))

    def blurred(self, step: int) -> Crops:
        """Blurred crops b, of images that `sharp` never draws from."""
        random = self._random(_BLURRED, step)
        if not self._blur_on_the_fly:
            return self._without_blur(self.blurred_pool, random)
        return self._with_blur(self.blurred_pool, random)

    def pairs(self, step: int) -> Crops:
        """Sharp crops and a blur for them, for the warm start and its sample grids.

        They come from all sharp images, including those that the unpaired stage uses on its blurred side.
        """
        return self._with_blur(self._all_sharp, self._random(_PAIRS, step))

    def _random(self, purpose: int, step: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, self._process, purpose, step])

    def _without_blur(self, pool: ImagePool, random: np.random.Generator) -> Crops:
        return Crops(self._draw(pool, random))

    def _with_blur(self, pool: ImagePool, random: np.random.Generator) -> Crops:
        size = self.config.crop_size
        pixels = self._draw(pool, random, margin=self._blur_config.kernel_size // 2)
        return Crops(pixels, BlurSampler(self._blur_config, random).draw(self._count, size, size))

    def _draw(self, pool: ImagePool, random: np.random.Generator, margin: int = 0) -> Tensor:
        config = self.config
        crops = pool.crops(
            self._count,
            config.crop_size,
            random,
            margin=margin,
            minimum_contrast=config.minimum_contrast,
            flip=config.flip,
        )
        if not config.other_paper:
            return crops
        return on_other_paper(crops, config.other_paper, random, balanced=self._balance_white)


def prefetch(draw: Callable[[int], _Batch], steps: Iterable[int], workers: int) -> Generator[_Batch]:
    """Draw the batches of ``steps``, in their order, by threads while earlier batches are used.

    Threads, not processes: decoding releases the interpreter lock, and threads share one cache of images.

    Args:
        draw: Draws the batch of a step; called from several threads at once.
        steps: The steps.
        workers: Number of threads; twice as many batches are prefetched. 0 draws each batch when it is asked for.
    """
    if workers == 0:
        yield from map(draw, steps)
        return
    waiting: deque[Future[_Batch]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="udsd-data")
    try:
        for step in steps:
            waiting.append(pool.submit(draw, step))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


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


def _split_in_halves(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Every second file to each side, since neighbours are often of one document or person, which both should have."""
    if len(files) == 1:
        logger.warning("%s is the only image, so that it is used on the sharp and on the blurred side", files[0])
        return files, files
    return files[0::2], files[1::2]
