"""Scores of a model in training on images that it is not trained on: sharp ones that are blurred, and real pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from udsd.degradation import BlurConfig
from udsd.domains.resampling import restore_scaled
from udsd.errors import ImageError
from udsd.evaluation import EvaluationPair, SharpImage, blurred_pairs
from udsd.evaluation.metrics import SMALLEST_MEASURED, Image, shift_tolerant_psnr, ssim
from udsd.evaluation.perceptual import feature_distance
from udsd.evaluation.vgg import VGG19Features
from udsd.extras import require
from udsd.images.levels import from_array, to_array
from udsd.inference import TorchBackend
from udsd.models import DeblurModel
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.data_config import DataConfig
from udsd.training.image_lists import check_images, leave_out_shared, list_images
from udsd.training.measured_images import read_measured, spread
from udsd.training.real_pairs import Pair, find_pairs


class Validation:
    """A small fixed set of blurred and sharp images to measure on.

    Args:
        pairs: Pairs of images that are not trained on.
        vgg: VGG-19, to measure feature distances too.
        name: What the names of the scores begin with.

    Attributes:
        name: As given.
        score: Name of the score that tells which of two models is better: the higher one is.
        blurred: The scores of the blurred images as they are.
        fingerprint: A digest of all pixels: scores can be compared where it is the same.

    Raises:
        ConfigError: scikit-image is not installed.
        ImageError: There are no pairs, or an image is too small to be measured.
    """

    def __init__(
        self, pairs: Iterable[EvaluationPair], vgg: VGG19Features | None = None, *, name: str = "validation"
    ) -> None:
        require("skimage.metrics", "scikit-image", "train")
        self.name = name
        self.score = f"{name}_psnr"
        self._pairs = list(pairs)
        if not self._pairs:
            raise ImageError(
                f"there are no images for {name}; give a folder of some that can be read and have {SMALLEST_MEASURED} "
                "px a side at least"
            )
        self._vgg = vgg
        self._distances = [feature_distance(pair.blurred, pair.sharp, vgg) if vgg else 0.0 for pair in self._pairs]
        self.blurred = self._mean_scores([pair.blurred for pair in self._pairs])
        digest = hashlib.sha256()
        for pair in self._pairs:
            digest.update(pair.blurred.tobytes() + pair.sharp.tobytes())
        self.fingerprint = digest.hexdigest()

    def __len__(self) -> int:
        """Number of images."""
        return len(self._pairs)

    @torch.inference_mode()
    def scores(self, model: DeblurModel, device: torch.device, dtype: torch.dtype) -> dict[str, float]:
        """Mean scores of restored images.

        ``NAME_psnr`` in dB, at the best shift, ``NAME_ssim``, and with VGG-19 ``NAME_d_vgg``, the distance to the sharp
        images relative to that of the blurred ones.
        """
        restore, scale = TorchBackend(model, device, dtype).restore, model.config.input_scale
        restored = (restore_scaled(from_array(pair.blurred), scale, restore) for pair in self._pairs)
        return self._mean_scores([to_array(image[0]) for image in restored])

    def _mean_scores(self, restored: Sequence[Image]) -> dict[str, float]:
        sharp = [pair.sharp for pair in self._pairs]
        scores = {"psnr": _mean(map(shift_tolerant_psnr, restored, sharp)), "ssim": _mean(map(ssim, restored, sharp))}
        relative = [
            feature_distance(image, pair.sharp, self._vgg) / distance
            for image, pair, distance in zip(restored, self._pairs, self._distances, strict=True)
            if self._vgg is not None and distance > 0
        ]
        if relative:
            scores["d_vgg"] = _mean(relative)
        return {f"{self.name}_{kind}": value for kind, value in scores.items()}


def make_validations(
    data: DataConfig, blur: BlurConfig, crops: TrainingCrops, vgg: VGG19Features | None, besides: Path
) -> list[Validation]:
    """The validations that the settings ask for. The first is the one by which models are compared: real pairs.

    Args:
        data: The folders, and the largest number of images of each.
        blur: How sharp images are blurred.
        crops: The images of training. Sharp ones of a validation are not among them. Where no folders are given for a
            validation, those that are held out of them are measured.
        vgg: VGG-19, to measure feature distances too.
        besides: The folder of the run.

    Raises:
        ConfigError: scikit-image is not installed.
        ImageError: A folder is missing or holds no images that can be used.
    """
    validations = []
    trained_on, files = crops.trained_on, crops.files
    if data.validation_pairs:
        blurred, sharp = (Path(folder) for folder in data.validation_pairs)
        pairs = real_pairs(blurred, sharp, data.validation_images, trained_on)
        validations.append(Validation(pairs, vgg, name="validation_pairs"))
    if data.validation:
        held_out = check_images(list_images(data.validation, besides), data.crop_size)
        held_out = leave_out_shared(held_out, trained_on, role="validation", other_role="training")
        validations.append(Validation(synthetic_pairs(held_out, blur, data.validation_images), vgg))
    if not validations and files.held_out_pairs:
        pairs = read_pairs(files.held_out_pairs, Path(data.pairs[1]), data.validation_images)
        validations.append(Validation(pairs, vgg, name="validation_pairs"))
    elif not validations and files.held_out:
        validations.append(Validation(synthetic_pairs(files.held_out, blur, data.validation_images), vgg))
    return validations


def check_validations(config: TrainingConfig, crops: TrainingCrops | None, besides: Path) -> None:
    """Make the validations of a run and throw them away: what is wrong with them is told before anything takes long.

    Args:
        config: The run.
        crops: Its images, if they are at hand.
        besides: The folder of the run.

    Raises:
        UdsdError: As for `make_validations` and `TrainingCrops`.
    """
    if crops is None:
        crops = TrainingCrops(config.data, config.blur, config.run.seed, besides=besides)
    make_validations(config.data, config.blur, crops, None, besides)


def synthetic_pairs(files: Sequence[Path], blur: BlurConfig, most: int) -> list[EvaluationPair]:
    """Pairs of sharp images, blurred with the ranges of training and fixed seeds.

    Args:
        files: Sharp images; larger ones are cropped to their middle 256 x 256 pixels. What cannot be measured is left
            out with a warning, for the next one.
        blur: How they are blurred.
        most: Number of images that are used, spread evenly over the list.
    """
    found = read_measured([(path,) for path in files], spread(len(files), most))
    return list(blurred_pairs([SharpImage(files[place].name, image) for place, (image,) in found.items()], blur))


def real_pairs(blurred: Path, sharp: Path, most: int, trained_on: Sequence[Path] = ()) -> list[EvaluationPair]:
    """Pairs of two folders: images whose path below the folder is the same but for its ending.

    Files without a partner, and what cannot be measured (see `read_pairs`), are left out with a warning.

    Args:
        blurred: Folder of blurred images.
        sharp: Folder of the same images without blur.
        most: Number of pairs that are used, spread evenly; of larger images the middle 256 x 256 pixels.
        trained_on: Images of training; pairs whose sharp image is among them are left out.

    Raises:
        ImageError: A folder is missing, or no pair is left.
    """
    by_sharp = {second: first for first, second in find_pairs(blurred, sharp)}
    held_out = leave_out_shared([*by_sharp], trained_on, role="sharp validation", other_role="training")
    pairs = read_pairs([(by_sharp[path], path) for path in held_out], sharp, most)
    if not pairs:
        raise ImageError(
            f"no pair in {blurred} and {sharp} can be used; give images of the same size, of "
            f"{SMALLEST_MEASURED} px a side at least, a pair one name"
        )
    return pairs


def read_pairs(files: Sequence[Pair], folder: Path, most: int) -> list[EvaluationPair]:
    """Read pairs (blurred, sharp), of larger images the middle 256 x 256 pixels.

    Pairs of which a file cannot be read, that are not of one size, or that are too small for the scores, are left out
    with a warning, for the next one.

    Args:
        files: Their files.
        folder: That of the sharp ones, by whose paths below it pairs are named.
        most: Number of pairs that are used, spread evenly over the list.
    """
    found = read_measured(files, spread(len(files), most))
    return [
        EvaluationPair(
            files[place][1].relative_to(folder).with_suffix("").as_posix(), sharp, blurred, strength="as given"
        )
        for place, (blurred, sharp) in found.items()
    ]


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
