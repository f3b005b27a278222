from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from udsd.domains.domain import AsExpected
from udsd.domains.faces import Face, align_face, detect_faces, face_crops, paste_face
from udsd.domains.faces.domain import FaceDomain
from udsd.domains.look import Look
from udsd.domains.options import DeblurOptions
from udsd.errors import ConfigError, ImageError
from udsd.images.levels import from_array
from udsd.models.config import DomainConfig


@pytest.fixture(scope="module")
def face() -> Face:
    (face,) = detect_faces(data.astronaut())
    return face


AWAY = Face((5000, 5000, 50, 50), np.full((6, 2), 5000) + np.eye(6, 2), 1)


def test_a_picture_may_come_in_any_form(tmp_path, face: Face) -> None:
    array = data.astronaut()
    Image.fromarray(array).save(tmp_path / "face.png")
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    for image in (tmp_path / "face.png", Image.fromarray(array), tensor, tensor[None]):
        (found,) = detect_faces(image)
        assert found.box == pytest.approx(face.box)


def test_small_faces_are_left_out() -> None:
    assert detect_faces(data.astronaut(), min_face=150) == []


@pytest.mark.parametrize("size", [-1, float("nan"), float("inf")])
def test_a_smallest_face_that_is_no_size_is_told(size: float) -> None:
    with pytest.raises(ConfigError, match="min_face is"):
        detect_faces(data.astronaut(), min_face=size)


def test_a_crop_is_of_the_kind_of_its_picture(face: Face) -> None:
    array = data.astronaut()
    assert align_face(Image.fromarray(array), face).size == (160, 160)
    assert align_face(Image.fromarray(array).convert("L"), face, 90).mode == "RGB"
    crop = align_face(array, face, 64)
    assert (crop.shape, crop.dtype) == ((64, 64, 3), np.uint8)
    deep = align_face(array.astype(np.uint16) * 257, face, 64)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - crop).max() < 1
    tensor = align_face(torch.from_numpy(array).permute(2, 0, 1) / 255, face, 64)
    assert tensor.dtype == torch.float32
    assert (tensor.permute(1, 2, 0) * 255 - torch.from_numpy(crop)).abs().max() < 1


def test_an_aligned_face_stands_as_in_training(face: Face) -> None:
    (found,) = detect_faces(align_face(data.astronaut(), face, 160))
    left_eye, right_eye, _, mouth = found.landmarks[:4]
    assert left_eye == pytest.approx((62, 84), abs=4)
    assert right_eye == pytest.approx((98, 84), abs=4)
    assert mouth == pytest.approx((80, 122), abs=4)


def test_a_face_that_was_not_changed_changes_nothing(face: Face) -> None:
    array = data.astronaut()
    result = paste_face(array, face, align_face(array, face))
    assert np.abs(result.astype(int) - array).max() <= 1


def test_a_restored_face_is_put_back(face: Face) -> None:
    array = data.astronaut()
    crop = align_face(array, face)
    result = paste_face(array, face, np.zeros_like(crop))
    assert result[100, 226].max() < 20
    left, top = 100, 0
    assert np.array_equal(result[300:], array[300:])
    assert np.array_equal(result[top:, :left], array[top:, :left])


def test_what_cannot_be_put_back_is_told(face: Face) -> None:
    array = data.astronaut()
    with pytest.raises(ImageError, match="is 20 x 10 pixels; give a square one"):
        paste_face(array, face, np.zeros((10, 20, 3), np.uint8))
    with pytest.raises(ImageError, match="lies outside of the picture, which has 512 x 512 pixels"):
        paste_face(array, AWAY, np.zeros((10, 10, 3), np.uint8))


def test_what_cannot_be_aligned_is_told(face: Face) -> None:
    with pytest.raises(ImageError, match="lies outside of the picture"):
        align_face(data.astronaut(), AWAY)
    with pytest.raises(ConfigError, match="size is 0; give a whole number from 1 to 4096"):
        align_face(data.astronaut(), face, 0)
    with pytest.raises(ImageError, match="2 images came as one tensor"):
        detect_faces(torch.zeros(2, 3, 50, 50))


def test_crops_before_and_after(face: Face) -> None:
    image = from_array(data.astronaut())
    findings = FaceDomain(DomainConfig("face", (150.0, 170.0))).examine(Look(image), DeblurOptions())
    assert not isinstance(findings, AsExpected)
    ((before, after),) = face_crops(image, image.neg(), findings.regions, 120)
    assert before.shape == (1, 3, 120, 120)
    torch.testing.assert_close(after, before.neg())
    aligned = from_array(align_face(data.astronaut(), face, 120))
    assert (before - aligned).abs().mean() < 0.1
