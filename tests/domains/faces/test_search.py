from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from udsd.degradation import BlurConfig, BlurSampler
from udsd.domains.faces.alignment import Placement, cut
from udsd.domains.faces.blazeface import BlazeFace, Detections
from udsd.domains.faces.face import Face
from udsd.domains.faces.search import FINEST_AGAIN, look_again, look_closer, search

MIDDLE, SIDE = (226.0, 98.0), 192.0
"""The aligned crop of the astronaut's face."""


def check_place(face: Face, center: tuple[float, float], side: float) -> None:
    placement = Placement.of_face(face)
    assert math.dist(placement.center, center) < 0.08 * side
    assert 0.85 < placement.side / side < 1.15


def test_a_face_is_found_in_its_place(detector: BlazeFace, astronaut: Tensor) -> None:
    (face,) = search(astronaut, detector).faces
    check_place(face, MIDDLE, SIDE)
    assert face.score > 0.8


@pytest.mark.parametrize("scale", [0.3, 1.7])
def test_faces_of_any_size_are_found(detector: BlazeFace, astronaut: Tensor, scale: float) -> None:
    resized = F.interpolate(astronaut, scale_factor=scale, mode="bicubic", antialias=True).clamp(-1, 1)
    (face,) = search(resized, detector).faces
    check_place(face, (MIDDLE[0] * scale, MIDDLE[1] * scale), SIDE * scale)


@pytest.mark.parametrize("angle", [-30, 30])
def test_the_turn_of_a_face_is_found(detector: BlazeFace, astronaut: Tensor, angle: float) -> None:
    turned = cut(astronaut, Placement(MIDDLE, 230, angle), 230)
    (face,) = search(turned, detector).faces
    # What is cut out by a square that is turned stands turned the other way.
    assert Placement.of_face(face).angle == pytest.approx(-angle, abs=8)


def test_several_faces_are_found_the_surest_first(detector: BlazeFace, group: Tensor) -> None:
    faces = search(group, detector).faces
    assert sorted(Placement.of_face(face).side for face in faces) == pytest.approx([86, 125, 190], rel=0.06)
    assert [face.score for face in faces] == sorted((face.score for face in faces), reverse=True)


def test_faces_that_are_too_small_are_left_out(detector: BlazeFace, group: Tensor) -> None:
    (face,) = search(group, detector, smallest=75).faces
    assert face.size >= 75


def test_a_face_behind_camera_shake_is_found(detector: BlazeFace, astronaut: Tensor) -> None:
    blurred = BlurSampler(BlurConfig(path_length=(25, 25)), np.random.default_rng(1)).blur(astronaut)
    (face,) = search(blurred, detector).faces
    margin = (astronaut.shape[-1] - blurred.shape[-1]) / 2
    check_place(face, (MIDDLE[0] - margin, MIDDLE[1] - margin), SIDE)


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (300, 2), (17, 5), (250, 1000)])
def test_pictures_of_any_shape_without_faces(detector: BlazeFace, shape: tuple[int, int]) -> None:
    noise = torch.rand(1, 3, *shape) * 2 - 1
    assert search(noise, detector).faces == []
    assert search(torch.zeros(1, 3, *shape), detector).faces == []


def test_a_face_that_the_border_cuts_is_found(detector: BlazeFace, astronaut: Tensor) -> None:
    (face,) = search(astronaut[..., 100:, 200:], detector).faces or [None]
    assert face is None or Placement.of_face(face).side < 2 * SIDE


def test_a_doubtful_place_is_looked_at_again_in_the_sharper_picture(detector: BlazeFace, astronaut: Tensor) -> None:
    blurred = F.avg_pool2d(F.pad(astronaut, (22, 22, 22, 22), mode="reflect"), 45, stride=1)
    found = search(blurred, detector)
    assert found.faces == []
    assert found.doubtful
    (face,) = look_again(astronaut, found, detector)
    check_place(face, MIDDLE, SIDE)


def test_a_search_of_a_restored_picture_finds_faces_by_less_work(
    detector: BlazeFace, group: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    detect = detector.detect
    tiles: list[Tensor] = []

    def counted(tile: Tensor, threshold: float) -> Detections:
        tiles.append(tile)
        return detect(tile, threshold)

    monkeypatch.setattr(detector, "detect", counted)
    noise = torch.rand(1, 3, 900, 1200, generator=torch.Generator().manual_seed(0)) - 0.5
    noise[..., 300:700, 400:1000] = group
    first = search(noise, detector)
    tiles_of_first = len(tiles)
    again = search(noise, detector, finest=FINEST_AGAIN)
    assert len(tiles) - tiles_of_first < 0.6 * tiles_of_first
    assert sorted(face.center for face in again.faces) == pytest.approx(
        np.array(sorted(face.center for face in first.faces)), abs=6
    )
    assert len(first.faces) == 3


def test_what_is_found_already_is_not_found_again(detector: BlazeFace, astronaut: Tensor) -> None:
    found = search(astronaut, detector)
    found.doubtful.extend(found.faces)
    assert look_again(astronaut, found, detector) == []


def test_a_closer_look_beside_the_picture_finds_nothing(detector: BlazeFace, astronaut: Tensor) -> None:
    face = search(astronaut, detector).faces[0]
    away = Face((5000, 5000, 40, 40), face.landmarks, 0.5)
    assert look_closer(astronaut, away, detector) is None
