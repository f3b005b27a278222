from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from udsd.errors import ImageError
from udsd.evaluation import EvaluationPair, folder_pairs


def save(path: Path, level: int, size: tuple[int, int] = (12, 16)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), level, np.uint8)).save(path)
    return path


def test_images_of_one_name_and_place_are_pairs(tmp_path: Path) -> None:
    for index, name in enumerate(["b", "sub/a"]):
        save(tmp_path / "sharp" / f"{name}.png", 10 + index)
        save(tmp_path / "blurred" / f"{name}.bmp", 20 + index)
    pairs = list(folder_pairs(tmp_path / "blurred", tmp_path / "sharp"))
    assert [pair.name for pair in pairs] == ["b", "sub/a"]
    assert [(pair.sharp[0, 0, 0], pair.blurred[0, 0, 0]) for pair in pairs] == [(10, 20), (11, 21)]


@pytest.mark.parametrize("lonely", ["sharp", "blurred"])
def test_an_image_without_a_partner_is_named_before_anything_is_measured(tmp_path: Path, lonely: str) -> None:
    for side in ("sharp", "blurred"):
        save(tmp_path / side / "a.png", 1)
    left = save(tmp_path / lonely / "more.png", 1)
    with pytest.raises(ImageError, match=rf"{left} has no partner in .*\(1 such images\)"):
        folder_pairs(tmp_path / "blurred", tmp_path / "sharp")


@pytest.mark.parametrize("side", ["sharp", "blurred"])
def test_a_pair_of_which_one_cannot_be_read_is_left_out(
    tmp_path: Path, side: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "abc":
        for folder in ("sharp", "blurred"):
            save(tmp_path / folder / f"{name}.png", 1)
    (tmp_path / side / "b.png").write_text("no image")
    assert [pair.name for pair in folder_pairs(tmp_path / "blurred", tmp_path / "sharp")] == ["a", "c"]
    (message,) = caplog.messages
    assert message.startswith(f"left out: {tmp_path / side / 'b.png'}: ")


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.png", "a.bmp"):
        save(tmp_path / "sharp" / name, 1)
    with pytest.raises(ImageError, match="have one name"):
        folder_pairs(tmp_path / "sharp", tmp_path / "sharp")


def test_a_pair_of_two_sizes_is_refused_by_name(tmp_path: Path) -> None:
    save(tmp_path / "sharp" / "a.png", 1)
    save(tmp_path / "blurred" / "a.png", 1, (12, 17))
    with pytest.raises(ImageError, match=r"^a: "):
        list(folder_pairs(tmp_path / "blurred", tmp_path / "sharp"))


def test_pairs_of_different_images_are_refused() -> None:
    with pytest.raises(ImageError, match="odd: images of shape"):
        EvaluationPair("odd", np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8), "10-20")
    with pytest.raises(ImageError, match="odd: shape is"):
        EvaluationPair("odd", np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), "10-20")
