from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from udsd.degradation import BlurConfig
from udsd.errors import ConfigError
from udsd.evaluation.metrics import Image
from udsd.evaluation.pairs import EvaluationPair, folder_pairs
from udsd.evaluation.sharp_images import SharpImage
from udsd.evaluation.synthetic import blurred_pairs

BLUR = BlurConfig(path_length=(3.0, 12.0), noise=(0.0, 0.0))


def pattern(seed: int, height: int = 40, width: int = 50) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def images(count: int) -> list[SharpImage]:
    return [SharpImage(f"{index}.png", pattern(index)) for index in range(count)]


def blur(given: list[SharpImage], config: BlurConfig = BLUR, seed: int = 0, bins: int = 3) -> list[EvaluationPair]:
    return list(blurred_pairs(given, config, seed=seed, bins=bins))


def test_pairs_keep_name_picture_and_shape() -> None:
    for given, pair in zip(images(3), blur(images(3)), strict=True):
        assert pair.name == given.name
        np.testing.assert_array_equal(pair.sharp, given.image)
        assert pair.blurred.shape == given.image.shape
        assert pair.blurred.dtype == np.uint8
        assert pair.blurred.std() < 0.8 * pair.sharp.std()


def test_bins_of_path_length_are_equal_and_equally_full() -> None:
    strengths = [pair.strength for pair in blur(images(7))]
    assert strengths[:3] == ["path 3-6 px", "path 6-9 px", "path 9-12 px"]
    assert sorted(Counter(strengths).values()) == [2, 2, 3]


def test_longer_paths_blur_more() -> None:
    flat = [SharpImage("a", pattern(0, 120, 120))] * 12
    contrast: dict[str, list[float]] = {}
    for pair in blur(flat, BlurConfig(path_length=(0.0, 60.0), noise=(0.0, 0.0)), bins=2):
        contrast.setdefault(pair.strength, []).append(float(pair.blurred.std()))
    weak, strong = (np.mean(values) for values in contrast.values())
    assert strong < 0.8 * weak


def test_an_images_blur_depends_on_the_seed_and_its_place_alone() -> None:
    first, again = blur(images(4)), blur([*images(3)[::-1], images(4)[3]])
    np.testing.assert_array_equal(first[3].blurred, again[3].blurred)
    assert not np.array_equal(first[3].blurred, blur(images(4), seed=1)[3].blurred)
    same_picture = blur([images(1)[0]] * 4)
    assert not np.array_equal(same_picture[0].blurred, same_picture[3].blurred)


def test_without_path_and_noise_the_image_comes_back() -> None:
    still = BlurConfig(path_length=(0.0, 0.0), noise=(0.0, 0.0))
    (pair,) = blur(images(1), still)
    np.testing.assert_array_equal(pair.blurred, pair.sharp)


def test_the_border_is_continued_so_that_a_flat_image_stays_flat() -> None:
    flat = np.full((20, 30, 3), (255, 100, 3), np.uint8)
    (pair,) = blur([SharpImage("flat", flat)], BlurConfig(path_length=(60.0, 60.0), noise=(0.0, 0.0)))
    np.testing.assert_allclose(pair.blurred.astype(int), flat, atol=1)


def test_noise_is_added_in_grey_levels() -> None:
    grey = np.full((100, 100, 3), 128, np.uint8)
    (pair,) = blur([SharpImage("grey", grey)], BlurConfig(path_length=(0.0, 0.0), noise=(10.0, 10.0)))
    assert pair.blurred.std() == pytest.approx(10, rel=0.03)


def test_pairs_are_made_one_by_one() -> None:
    asked: list[int] = []

    def endless() -> object:
        while True:
            asked.append(len(asked))
            yield images(1)[0]

    assert len(list(islice(blurred_pairs(endless(), BLUR), 2))) == 2  # type: ignore[arg-type]
    assert asked == [0, 1]


@pytest.mark.parametrize(("settings", "message"), [({"bins": 0}, "bins is 0"), ({"seed": -1}, "seed is -1")])
def test_settings_out_of_range_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        next(blurred_pairs(images(1), BLUR, **settings))


def test_other_paper_changes_the_picture_and_not_the_blur() -> None:
    config = BlurConfig(path_length=(8.0, 8.0), noise=(0.0, 0.0))
    white = [SharpImage("a", np.full((60, 60, 3), 255, np.uint8)), SharpImage("b", pattern(1, 60, 60))]
    printed = list(blurred_pairs(white, config, other_paper=True))
    again = list(blurred_pairs(white, config, other_paper=True))
    for pair, same, given in zip(printed, again, white, strict=True):
        np.testing.assert_array_equal(pair.sharp, same.sharp)
        np.testing.assert_array_equal(pair.blurred, same.blurred)
        assert not np.array_equal(pair.sharp, given.image)
    assert 120 < printed[0].sharp.mean() < 255
    assert not np.array_equal(
        printed[0].sharp, next(iter(blurred_pairs(white, config, seed=1, other_paper=True))).sharp
    )
    # Uneven light is all that there is to blur on an empty page.
    np.testing.assert_allclose(printed[0].blurred[20:40, 20:40], printed[0].sharp[20:40, 20:40], atol=2)


def test_a_pair_tells_its_kernel_and_what_is_known_of_the_text() -> None:
    still = BlurConfig(path_length=(9.0, 9.0), noise=(0.0, 0.0))
    point = np.zeros((41, 41, 3), np.uint8)
    point[20, 20] = 255
    (pair,) = blur([SharpImage("point", point, "слово", "rus")], still)
    assert (pair.text, pair.language) == ("слово", "rus")
    assert pair.kernel is not None
    margin = pair.kernel.shape[0] // 2
    window = pair.blurred[20 - margin : 21 + margin, 20 - margin : 21 + margin, 0]
    np.testing.assert_allclose(window / 255, pair.kernel, atol=1 / 255)


def test_pairs_of_folders_have_no_kernel(tmp_path: Path) -> None:
    for name in ("sharp", "blurred"):
        (tmp_path / name).mkdir()
        PillowImage.fromarray(pattern(0)).save(tmp_path / name / "a.png")
    (pair,) = folder_pairs(tmp_path / "blurred", tmp_path / "sharp")
    assert (pair.kernel, pair.text, pair.language) == (None, None, "eng")
