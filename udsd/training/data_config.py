"""The settings of a run's images."""

from __future__ import annotations

import math
from dataclasses import dataclass

from udsd.errors import ConfigError

_HIGHEST_CONTRAST = 127.5
"""Standard deviation of a crop that is half black and half white."""

_LARGEST_CROP = 2048
"""Pixels a side; the paper has 128. Larger ones fit hardly any memory, and teach no more."""

_SMALLEST_SCALE, _LARGEST_SCALE = 0.1, 10.0

_MOST_WORKERS = 64

_MOST_HELD_OUT = 0.5


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Which images training crops are taken from, and how.

    Attributes:
        sharp: Folders of sharp images, searched recursively, and text files with a path on each line.
        blurred: The same of blurred images of the same domain, not of the same scenes. When empty, half of the
            sharp images are blurred on the fly and the other half stays sharp, so that the two sides are unpaired all
            the same. (The warm start, which blurs sharp images itself, uses both halves.)
        pairs: Instead of both, a folder of blurred images and one of the same images without blur, for the warm start.
            Of a pair both have one name but for its ending.
        held_out: Share of the sharp images, or of the pairs, that is not trained on but measured, where no folders are
            given for that: two at least, up to ``validation_images``. Of fewer than eight none is held out, and two of
            those that are trained on are measured. 0 measures none.
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
        scales: Smallest and largest factor that the image of a crop is enlarged by (below 1: shrunk) before the crop is
            cut, so that a face or a page is shown at several sizes. The logarithm of the factor is drawn uniformly.
            Where blurred images or pairs are given, their blur is scaled with them.
        other_paper: Share of the crops that are reprinted in fainter ink on other paper
            (`udsd.degradation.paper_stock`).
        flat_share: Share of the crops of the warm start that have no print: flat grounds of any level, most of them
            dark, dark borders along one side, and pictures that are too dim for a white balance. Without them a model
            of pages shifts the level of flat dark areas. Not of real pairs.
        cache_gigabytes: Size up to which decoded images are kept in memory, in each process that trains.
        workers: Threads that prefetch batches, so that images are decoded while the networks compute; 0 draws each
            batch when it is needed.
        worker_processes: Let the workers be processes instead, which share the decoded images and draw the same
            batches: for a GPU that waits for threads. For Linux alone.
    """

    sharp: tuple[str, ...] = ()
    blurred: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    held_out: float = 0.0
    validation: tuple[str, ...] = ()
    validation_pairs: tuple[str, ...] = ()
    validation_images: int = 32
    crop_size: int = 128
    batch_size: int = 16
    minimum_contrast: float = 0.0
    flip: bool = False
    scales: tuple[float, float] = (1.0, 1.0)
    other_paper: float = 0.0
    flat_share: float = 0.0
    cache_gigabytes: float = 4.0
    workers: int = 2
    worker_processes: bool = False

    def __post_init__(self) -> None:
        if not 16 <= self.crop_size <= _LARGEST_CROP or self.crop_size % 4:
            raise ConfigError(f"crop_size is {self.crop_size}; give a multiple of 4 from 16 to {_LARGEST_CROP}")
        for name in ("batch_size", "validation_images"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give at least 1")
        for name in ("pairs", "validation_pairs"):
            folders = list(getattr(self, name))
            if len(folders) not in (0, 2):
                raise ConfigError(f"{name} is {folders}; give a folder of blurred and one of sharp images")
        if self.pairs and (self.sharp or self.blurred):
            raise ConfigError("pairs are given beside sharp or blurred images; give either pairs or unpaired images")
        if not 0 <= self.held_out <= _MOST_HELD_OUT:
            raise ConfigError(f"held_out is {self.held_out}; give a share from 0 to {_MOST_HELD_OUT}")
        if not 0 <= self.minimum_contrast <= _HIGHEST_CONTRAST:
            raise ConfigError(f"minimum_contrast is {self.minimum_contrast}; give 0 to {_HIGHEST_CONTRAST}")
        low, high = self.scales
        if not _SMALLEST_SCALE <= low <= high <= _LARGEST_SCALE:
            raise ConfigError(
                f"scales are {low} to {high}; give factors from {_SMALLEST_SCALE} to {_LARGEST_SCALE}, the smaller "
                "first"
            )
        for name in ("other_paper", "flat_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a share from 0 to 1")
        if not 0 <= self.cache_gigabytes < math.inf:
            raise ConfigError(f"cache_gigabytes is {self.cache_gigabytes}; give 0 or more")
        if not 0 <= self.workers <= _MOST_WORKERS:
            raise ConfigError(f"workers is {self.workers}; give 0 to {_MOST_WORKERS}")
