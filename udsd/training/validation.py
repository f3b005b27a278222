"""Scores of a model in training, on held-out sharp images that are blurred with fixed seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from udsd.degradation import BlurConfig
from udsd.evaluation import EvaluationPair, SharpImage, blurred_pairs, evaluate
from udsd.evaluation.metrics import Image
from udsd.evaluation.sharp_images import read_rgb
from udsd.evaluation.vgg import VGG19Features
from udsd.extras import require
from udsd.images.levels import from_array, to_array
from udsd.inference import TorchBackend
from udsd.models import DeblurModel

_MOST_IMAGES = 32
_LARGEST_SIDE = 256

_METHOD = "restored"


class Validation:
    """A small fixed set of blurred and sharp images to measure on.

    Args:
        files: Sharp images that are not trained on. At most 32, spread evenly over the list, are used; larger ones are
            cropped to their middle 256 x 256 pixels.
        blur: How they are blurred: with the ranges of training, and fixed seeds.
        vgg: VGG-19, to measure feature distances too.

    Raises:
        ConfigError: scikit-image is not installed.
        ImageError: A file cannot be read, or is too small to be measured.
    """

    def __init__(self, files: Sequence[Path], blur: BlurConfig, vgg: VGG19Features | None) -> None:
        require("skimage.metrics", "scikit-image", "train")
        places = np.linspace(0, len(files) - 1, min(len(files), _MOST_IMAGES)).round().astype(int)
        chosen = [files[place] for place in places]
        images = [SharpImage(path.name, _centre_crop(read_rgb(path))) for path in chosen]
        self._pairs: list[EvaluationPair] = list(blurred_pairs(images, blur))
        self._vgg = vgg
        blurred = evaluate(self._pairs, {}, ocr=False, vgg=None).mean_scores()["blurred"]
        self.blurred_psnr = blurred.shift_tolerant_psnr
        self.blurred_ssim = blurred.ssim

    def scores(self, model: DeblurModel, device: torch.device, dtype: torch.dtype) -> dict[str, float]:
        """Mean PSNR (dB, at the best shift) and SSIM of restored images, and their VGG distance if there is a VGG-19.

        The distance (d_VGG) is relative to that of the blurred images.
        """
        backend = TorchBackend(model, device, dtype)

        def restore(image: Image) -> Image:
            return to_array(backend.restore(from_array(image))[0])

        scores = evaluate(self._pairs, {_METHOD: restore}, ocr=False, vgg=self._vgg).mean_scores()[_METHOD]
        found = {"validation_psnr": scores.shift_tolerant_psnr, "validation_ssim": scores.ssim}
        if scores.vgg_distance is not None:
            found["validation_d_vgg"] = scores.vgg_distance
        return found


def _centre_crop(image: Image) -> Image:
    top, left = (max(0, side - _LARGEST_SIDE) // 2 for side in image.shape[:2])
    return np.ascontiguousarray(image[top : top + _LARGEST_SIDE, left : left + _LARGEST_SIDE])
