"""What a blur code tells of the blur, and what of the content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsd.degradation import Blur, rasterize
from udsd.estimation import BlurEstimator, luminance
from udsd.evaluation import feature_distance, shift_tolerant_psnr
from udsd.evaluation.vgg import VGG19Features
from udsd.images.levels import GREY_LEVEL, to_array
from udsd.models import DeblurModel
from udsd.training.crops import Crops
from udsd.training.image_pool import ImageCache, ImagePool

Values = NDArray[np.float64]
Predict = Callable[[Values, Values, Values], Values]

SIDE = 96
NOISE = 1.0
"""Grey levels of 255."""

CONTENTS, BLURS = 32, 16
"""Crops and blurs of the grid in which every crop has every blur."""

RESTORED = 48
_CONTRAST = 10.0
_PATH_STEPS = 512
_BATCH = 32
_CPU = torch.device("cpu")
_NEIGHBOURS = 7
_RIDGE = 1.0


class BlurredCrops:
    """Crops of held-out images under straight motion of known length and angle.

    Args:
        files: The images. Every second one is fitted to, the others are tested on.
        lengths: Shortest and longest motion in pixels.
        balance_white: See `ModelConfig`.
    """

    def __init__(self, files: Sequence[Path], lengths: tuple[float, float], *, balance_white: bool) -> None:
        cache = ImageCache(1 << 30, balance_white=balance_white)
        self._pools = ImagePool(files[0::2], cache), ImagePool(files[1::2], cache)
        self._lengths = lengths
        self._balance_white = balance_white
        self._kernel_size = 2 * int(np.ceil(lengths[1] / 2 + 2)) + 1

    def contents(self, count: int, seed: int, *, fitted: bool = False) -> Crops:
        """Sharp crops, with the margin that their blur needs."""
        pool = self._pools[0 if fitted else 1]
        random = np.random.default_rng([seed, 0])
        crops = pool.crops(count, SIDE, random, margin=self._kernel_size // 2, minimum_contrast=_CONTRAST)
        return crops if self._balance_white else replace(crops, gains=None)

    def motions(self, count: int, seed: int) -> tuple[Values, Values]:
        """Lengths in pixels and angles in degrees from 0 to 180 (count,)."""
        random = np.random.default_rng([seed, 1])
        return random.uniform(*self._lengths, size=count), random.uniform(0, 180, size=count)

    def blur(self, crops: Crops, lengths: Values, angles: Values, seed: int, *, noise: float = NOISE) -> Tensor:
        """Blur crops, float32 (N, 3, 96, 96)."""
        drawn = np.random.default_rng([seed, 2]).standard_normal((len(lengths), 3, SIDE, SIDE), dtype=np.float32)
        blur = Blur(self.kernels(lengths, angles), torch.from_numpy(drawn) * (noise * GREY_LEVEL), {})
        return replace(crops, blur=blur).to_device(_CPU)[1]

    def kernels(self, lengths: Values, angles: Values) -> Tensor:
        """Straight motion at constant speed, (N, K, K)."""
        along = np.linspace(-0.5, 0.5, _PATH_STEPS)[:, None] * lengths
        paths = np.asarray(along * np.exp(1j * np.radians(angles)), dtype=np.complex128)
        return torch.from_numpy(rasterize(paths, self._kernel_size))

    def restoration(self, model: DeblurModel, vgg: VGG19Features | None) -> dict[str, Any]:
        """What a model gains on test crops over the blurred: PSNR at the best shift in dB, and with VGG-19 d_VGG."""
        crops = self.contents(RESTORED, 3)
        sharp = crops.pixels[..., self._kernel_size // 2 :, self._kernel_size // 2 :][..., :SIDE, :SIDE]
        blurred = self.blur(crops, *self.motions(RESTORED, 3), 3)
        with torch.inference_mode():
            restored = torch.cat([model(part) for part in torch.split(blurred, _BATCH)])
        truth = [image.permute(1, 2, 0).contiguous().numpy() for image in sharp]
        pairs = [[to_array(image) for image in images] for images in (blurred, restored)]
        before, after = ([shift_tolerant_psnr(*pair) for pair in zip(images, truth, strict=True)] for images in pairs)
        figures = {"psnr_gain": float(np.mean(after) - np.mean(before)), "psnr_blurred": float(np.mean(before))}
        if vgg is not None:
            distances = [
                np.mean([feature_distance(*pair, vgg) for pair in zip(images, truth, strict=True)]) for images in pairs
            ]
            figures["d_vgg_gain"] = float(distances[0] - distances[1])
        return figures


class Probe:
    """Read blur and content from codes.

    Args:
        crops: Held-out crops.
        count: Number of crops that probes are fitted to; half as many are tested on.
    """

    def __init__(self, crops: BlurredCrops, count: int) -> None:
        self._fitted = self._drawn(crops, count, 1, fitted=True)
        self._tested = self._drawn(crops, max(count // 2, 1), 2, fitted=False)
        contents = crops.contents(CONTENTS, 4)
        repeated = torch.arange(CONTENTS).repeat_interleave(BLURS)
        gains = None if contents.gains is None else contents.gains[repeated]
        grid = Crops(contents.pixels[repeated], gains=gains)
        lengths, angles = (np.tile(values, CONTENTS) for values in crops.motions(BLURS, 4))
        self._grid = crops.blur(grid, lengths, angles, 4)

    def measure(self, model: DeblurModel) -> dict[str, Any]:
        """All figures of a model's codes."""
        fitted, tested = codes_of(model, self._fitted[0]), codes_of(model, self._tested[0])
        centre, scale = fitted.mean(axis=0), fitted.std(axis=0) + 1e-9
        fitted, tested, grid = ((codes - centre) / scale for codes in (fitted, tested, codes_of(model, self._grid)))
        figures: dict[str, Any] = {}
        for name, predict in (("linear", ridge), ("neighbours", nearest_neighbours)):
            figures |= {f"{name}_{key}": value for key, value in self._blur_read(predict, fitted, tested).items()}
        return figures | disentanglement(grid.reshape(CONTENTS, BLURS, -1))

    def measure_estimator(self, estimator: BlurEstimator) -> dict[str, Any]:
        """What an estimator of blur, which is no part of the method, says of the same crops itself."""
        blurs = estimator.estimate([luminance(image) for image in self._tested[0]])
        found = self._errors(np.where(blurs.moves, blurs.lengths, 0.0), blurs.angles)
        return {f"estimated_{name}": value for name, value in found.items()}

    def _blur_read(self, predict: Predict, fitted: Values, tested: Values) -> dict[str, float]:
        guessed = predict(fitted, _targets(*self._fitted[1:]), tested)
        return self._errors(guessed[:, 0], np.degrees(np.arctan2(guessed[:, 2], guessed[:, 1])) / 2)

    def _errors(self, length: Values, angle: Values) -> dict[str, float]:
        _, lengths, angles = self._tested
        length_error = np.abs(length - lengths)
        angle_error = np.abs((angle - angles + 90) % 180 - 90)
        spread = np.square(lengths - self._fitted[1].mean()).sum()
        return {
            "length_r2": float(1 - np.square(length_error).sum() / spread),
            "length_error": float(np.median(length_error)),
            "angle_error": float(np.median(angle_error)),
        }

    @staticmethod
    def _drawn(crops: BlurredCrops, count: int, seed: int, *, fitted: bool) -> tuple[Tensor, Values, Values]:
        lengths, angles = crops.motions(count, seed)
        return crops.blur(crops.contents(count, seed, fitted=fitted), lengths, angles, seed), lengths, angles


def codes_of(model: DeblurModel, images: Tensor) -> Values:
    """Means of the blur codes (N, Z)."""
    with torch.inference_mode():
        codes = torch.cat([model.encode_blur(part)[0] for part in torch.split(images, _BATCH)])
    return codes.double().numpy()


def _targets(lengths: Values, angles: Values) -> Values:
    """Length, and the angle as a point on a circle that half a turn goes round once (N, 3)."""
    turn = np.radians(2 * angles)
    return np.stack([lengths, np.cos(turn), np.sin(turn)], axis=1)


def ridge(fitted: Values, targets: Values, tested: Values) -> Values:
    """A linear probe: codes (N, Z) with targets (N, T), and codes (M, Z), to guesses (M, T)."""
    centre = targets.mean(axis=0)
    weights = np.linalg.solve(fitted.T @ fitted + _RIDGE * np.eye(fitted.shape[1]), fitted.T @ (targets - centre))
    return np.asarray(centre + tested @ weights)


def nearest_neighbours(fitted: Values, targets: Values, tested: Values) -> Values:
    """The mean target of the nearest codes; arguments as of `ridge`."""
    nearest = np.argsort(_distances(tested, fitted), axis=1, kind="stable")[:, :_NEIGHBOURS]
    return np.asarray(targets[nearest].mean(axis=1))


def disentanglement(codes: Values) -> dict[str, float]:
    """How codes (contents, blurs, Z) of every content under every blur lie to each other.

    Returns:
        ``blur_share`` and ``content_share`` of the variance; ``blur_found``: how often, among the codes of another
        content under all blurs, the nearest is that of the same blur; ``content_found``: how often, among the codes of
        all contents under another blur, the nearest is that of the same content; ``blur_first``: how often another
        content under the same blur is nearer than the same content under another blur.
    """
    contents, blurs, _ = codes.shape
    middle = codes.mean(axis=(0, 1))
    total = np.square(codes - middle).sum() + 1e-12
    of_blur = contents * np.square(codes.mean(axis=0) - middle).sum()
    of_content = blurs * np.square(codes.mean(axis=1) - middle).sum()
    blur_found, content_found, blur_first = [], [], []
    for content in range(contents):
        other = (content + 1) % contents
        to_blurs = _distances(codes[content], codes[other])
        blur_found += list(_hits(to_blurs, np.arange(blurs)))
        for blur in range(blurs):
            another = (blur + 1) % blurs
            to_contents = _distances(codes[content, blur][None], codes[:, another])
            content_found += list(_hits(to_contents, np.array([content])))
            blur_first.append(_wins(to_blurs[blur, blur], to_contents[0, content]))
    return {
        "blur_share": float(of_blur / total),
        "content_share": float(of_content / total),
        "blur_found": float(np.mean(blur_found)),
        "content_found": float(np.mean(content_found)),
        "blur_first": float(np.mean(blur_first)),
    }


def _hits(distances: Values, wanted: NDArray[np.int64]) -> Values:
    """1 where the wanted column is the nearest; codes that are equally near share the hit."""
    at_wanted = np.take_along_axis(distances, wanted[:, None], axis=1)
    return np.asarray((at_wanted == distances.min(axis=1, keepdims=True))[:, 0] / (distances <= at_wanted).sum(axis=1))


def _wins(first: float, second: float) -> float:
    return 0.5 if first == second else float(first < second)


def _distances(first: Values, second: Values) -> Values:
    """Euclidean, (N, M); from differences, so that equal codes are equally far."""
    return np.asarray(np.sqrt(np.square(first[:, None] - second[None]).sum(axis=2)))
