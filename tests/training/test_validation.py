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
from udsd.training.data_config import DataConfig
from udsd.training.training_files import find_training_files
from udsd.training.validation import Validation, real_pairs, synthetic_pairs

CPU = torch.device("cpu")
BLUR = BlurConfig(path_length=(4.0, 8.0))


def test_the_identity_scores_as_the_blurred_images_do(pages: Path) -> None:
    validation = Validation(synthetic_pairs(sorted(pages.iterdir()), BLUR, 32), VGG19Features())
    identity = DeblurModel(ModelConfig(base_width=4, residual_output=True))  # which begins so
    scores = validation.scores(identity, CPU, torch.float32)
    assert scores["validation_psnr"] == pytest.approx(validation.blurred["validation_psnr"])
    assert scores["validation_ssim"] == pytest.approx(validation.blurred["validation_ssim"])
    assert scores["validation_d_vgg"] == pytest.approx(1.0)
    assert 5 < validation.blurred["validation_psnr"] < 25


def test_the_same_set_is_measured_each_time_and_another_model_differs(pages: Path, model: DeblurModel) -> None:
    files = sorted(pages.iterdir())
    first, second = (Validation(synthetic_pairs(files, BLUR, 32)) for _ in range(2))
    scores = first.scores(model, CPU, torch.float32)
    assert scores == first.scores(model, CPU, torch.float32) == second.scores(model, CPU, torch.float32)
    assert scores.keys() == {"validation_psnr", "validation_ssim"}
    assert scores["validation_psnr"] != pytest.approx(first.blurred["validation_psnr"])


def test_of_many_and_large_images_a_few_and_their_middle_are_taken(tmp_path: Path) -> None:
    for number in range(40):
        page = np.full((20, 20, 3), number, np.uint8)
        Image.fromarray(page).save(tmp_path / f"{number:02d}.png")
    large = np.zeros((300, 280, 3), np.uint8)
    large[22:278, 12:268] = np.random.default_rng(0).integers(0, 256, (256, 256, 3))
    Image.fromarray(large).save(tmp_path / "99.png")
    pairs = synthetic_pairs(sorted(tmp_path.iterdir()), BLUR, 32)
    assert len(pairs) == 32
    assert (pairs[0].name, pairs[-1].name) == ("00.png", "99.png")
    np.testing.assert_array_equal(pairs[-1].sharp, large[22:278, 12:268])


def save_noise(path: Path, seed: int, size: tuple[int, int] = (40, 40)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return path


def cut_off(path: Path) -> Path:
    """Damage an image in a way that its header does not tell."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def test_images_too_small_to_measure_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    small = save_noise(tmp_path / "small.png", 0, (10, 40))
    smallest = save_noise(tmp_path / "smallest.png", 1, (11, 11))
    assert [pair.name for pair in synthetic_pairs([small, smallest], BLUR, 32)] == ["smallest.png"]
    assert f"1 image(s) are smaller than 11 px a side and are not measured: {small}" in caplog.text
    Validation(synthetic_pairs([smallest], BLUR, 32), VGG19Features())
    with pytest.raises(ImageError, match=r"no images for validation; give .* 11 px a side"):
        Validation(synthetic_pairs([small], BLUR, 32))


def test_in_the_place_of_a_damaged_image_the_next_is_measured(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = [save_noise(tmp_path / f"{number}.png", number) for number in range(6)]
    damaged = cut_off(files[0])
    assert [pair.name for pair in synthetic_pairs(files, BLUR, 2)] == ["1.png", "5.png"]
    assert str(damaged) in caplog.text


def test_held_out_images_can_be_measured(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = [save_noise(tmp_path / f"{number}.png", number) for number in range(8)]
    data = DataConfig(sharp=(str(tmp_path),), held_out=0.25, crop_size=16, batch_size=2)
    assert find_training_files(data).held_out == [files[2], files[6]]
    cut_off(files[2])
    save_noise(files[3], 3, (8, 8))
    found = find_training_files(data)
    assert found.held_out == [files[4], files[6]]
    assert files[4] not in [*found.sharp, *found.blurred]
    assert [pair.name for pair in synthetic_pairs(found.held_out, BLUR, 32)] == ["4.png", "6.png"]
    for path in files:
        save_noise(path, int(path.stem), (8, 8))
    assert find_training_files(data).held_out == []
    assert "the run is not measured" in caplog.text


def test_no_scene_is_both_held_out_and_trained_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Several blurred versions of one image, as RealBlur and the like have them."""
    for scene in range(5):
        for number in range(3):
            save_noise(tmp_path / "sharp" / f"{scene}_{number}.png", scene)
            save_noise(tmp_path / "blurred" / f"{scene}_{number}.png", 10 * scene + number + 100)
    data = DataConfig(
        pairs=(str(tmp_path / "blurred"), str(tmp_path / "sharp")), held_out=0.2, crop_size=16, batch_size=2
    )
    found = find_training_files(data)
    measured = {sharp.name[0] for _, sharp in found.held_out_pairs}
    assert len(found.held_out_pairs) == 3
    assert {path.name[0] for path in found.sharp} == set("01234") - measured
    assert len(found.pairs) == 3 * (5 - len(measured))
    assert f"{12 - len(found.pairs)} image(s) are of the scenes that are measured" in caplog.text
    for path in (tmp_path / "sharp").iterdir():
        save_noise(path, 0)
    assert len(find_training_files(data).pairs) == 12
    assert "all pairs are of the scenes that are measured" in caplog.text


def test_real_pairs_are_matched_by_name_and_the_rest_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sharp, blurred = tmp_path / "sharp", tmp_path / "blurred"
    for seed, name in enumerate(["a.png", "below/b.png", "c.png", "d.png"]):
        save_noise(sharp / name, seed)
    for seed, name in enumerate(["a.bmp", "below/b.tiff", "d.png", "e.png"], start=10):
        save_noise(blurred / name, seed, (40, 40) if name != "d.png" else (40, 44))
    pairs = real_pairs(blurred, sharp, 32)
    assert [pair.name for pair in pairs] == ["a", "below/b"]
    expected = [np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8) for seed in (10, 0)]
    np.testing.assert_array_equal(pairs[0].blurred, expected[0])
    np.testing.assert_array_equal(pairs[0].sharp, expected[1])
    assert f"1 image(s) have no partner in {sharp} and are left out: {blurred / 'e.png'}" in caplog.text
    assert f"1 image(s) have no partner in {blurred} and are left out: {sharp / 'c.png'}" in caplog.text
    assert "have another size than their blurred partner and are left out" in caplog.text
    assert [pair.name for pair in real_pairs(blurred, sharp, 1)] == ["a"]
    cut_off(blurred / "a.bmp")
    assert [pair.name for pair in real_pairs(blurred, sharp, 1)] == ["below/b"]


def test_pairs_whose_sharp_image_is_trained_on_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for seed, name in enumerate(["a.png", "b.png"]):
        save_noise(tmp_path / "sharp" / name, seed)
        save_noise(tmp_path / "blurred" / name, 10 + seed)
    known = save_noise(tmp_path / "known" / "x.png", 0)  # the pixels of sharp/a.png
    (pair,) = real_pairs(tmp_path / "blurred", tmp_path / "sharp", 32, [known])
    assert pair.name == "b"
    assert "are both sharp validation and training images" in caplog.text


@pytest.mark.parametrize(("name", "message"), [("other.png", "has a partner of its name"), ("a.png", "same size")])
def test_folders_without_a_pair_are_refused(tmp_path: Path, name: str, message: str) -> None:
    save_noise(tmp_path / "sharp" / "a.png", 0)
    save_noise(tmp_path / "blurred" / name, 1, (30, 40))
    with pytest.raises(ImageError, match=message):
        real_pairs(tmp_path / "blurred", tmp_path / "sharp", 32)


def test_sets_of_other_pixels_have_other_fingerprints(pages: Path) -> None:
    files = sorted(pages.iterdir())
    one, same, fewer, other = (
        Validation(synthetic_pairs(files, blur, most)).fingerprint
        for blur, most in ((BLUR, 32), (BLUR, 32), (BLUR, 3), (BlurConfig(path_length=(4.0, 9.0)), 32))
    )
    assert one == same
    assert len({one, fewer, other}) == 3
