from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from udsd.degradation import BlurConfig
from udsd.errors import ImageError
from udsd.evaluation.vgg import VGG19Features
from udsd.models import DeblurModel, ModelConfig
from udsd.training.validation import Validation

CPU = torch.device("cpu")
BLUR = BlurConfig(path_length=(4.0, 8.0))


def test_the_identity_scores_as_the_blurred_images_do(pages: Path) -> None:
    validation = Validation(sorted(pages.iterdir()), BLUR, VGG19Features())
    identity = DeblurModel(ModelConfig(base_width=4, residual_output=True))  # which begins so
    scores = validation.scores(identity, CPU, torch.float32)
    assert scores["validation_psnr"] == pytest.approx(validation.blurred_psnr)
    assert scores["validation_ssim"] == pytest.approx(validation.blurred_ssim)
    assert scores["validation_d_vgg"] == pytest.approx(1.0)
    assert 5 < validation.blurred_psnr < 25


def test_the_same_set_is_measured_each_time_and_another_model_differs(pages: Path, model: DeblurModel) -> None:
    files = sorted(pages.iterdir())
    first, second = (Validation(files, BLUR, None) for _ in range(2))
    scores = first.scores(model, CPU, torch.float32)
    assert scores == first.scores(model, CPU, torch.float32) == second.scores(model, CPU, torch.float32)
    assert scores.keys() == {"validation_psnr", "validation_ssim"}
    assert scores["validation_psnr"] != pytest.approx(first.blurred_psnr)


def test_of_many_and_large_images_a_few_and_their_middle_are_taken(tmp_path: Path) -> None:
    for number in range(40):
        page = np.full((20, 20, 3), number, np.uint8)
        Image.fromarray(page).save(tmp_path / f"{number:02d}.png")
    large = np.zeros((300, 280, 3), np.uint8)
    large[22:278, 12:268] = np.random.default_rng(0).integers(0, 256, (256, 256, 3))
    Image.fromarray(large).save(tmp_path / "99.png")
    pairs = Validation(sorted(tmp_path.iterdir()), BLUR, None)._pairs
    assert len(pairs) == 32
    assert (pairs[0].name, pairs[-1].name) == ("00.png", "99.png")
    np.testing.assert_array_equal(pairs[-1].sharp, large[22:278, 12:268])


def test_images_too_small_to_measure_are_named(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "small.png")
    with pytest.raises(ImageError, match="8x8 pixels; this score needs at least"):
        Validation([tmp_path / "small.png"], BLUR, None)
