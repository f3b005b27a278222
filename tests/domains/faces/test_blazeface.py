from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from udsd.domains.faces.blazeface import BlazeFace, face_detector
from udsd.errors import ConfigError


@pytest.fixture(scope="module")
def tile(astronaut: Tensor) -> Tensor:
    """The head in the middle of a tile: eyes at about (81, 75) and (112, 75)."""
    return F.interpolate(astronaut[..., 0:256, 96:352], (192, 192), mode="bilinear", antialias=True)


def test_a_face_is_found_with_its_landmarks(detector: BlazeFace, tile: Tensor) -> None:
    found = detector.detect(tile, 0.5)
    best = max(found.faces(), key=lambda face: face.score)
    assert best.score > 0.9
    left_eye, right_eye, nose, mouth, left_ear, right_ear = best.landmarks
    assert left_ear[0] < left_eye[0] < nose[0] < right_eye[0] < right_ear[0]
    assert left_eye[1] < nose[1] < mouth[1]
    left, top, width, height = best.box
    assert left < left_eye[0] < right_eye[0] < left + width
    assert top < left_eye[1] < mouth[1] < top + height
    number = int(found.scores.argmax())
    assert found.face(number).box == best.box
    assert best.center == pytest.approx(found.centers[number])
    assert best.size == found.sizes[number]


def test_all_that_reach_the_threshold_are_seen_and_no_others(detector: BlazeFace, tile: Tensor) -> None:
    found = detector.detect(tile, 0.02)
    assert found.scores.min() >= 0.02
    for threshold in (0.1, 0.5, 0.9):
        above = found.where(found.scores >= threshold)
        assert [face.box for face in detector.detect(tile, threshold).faces()] == [face.box for face in above.faces()]
    assert len(found) > len(above) > 0


def test_nothing_is_found_where_nothing_is(detector: BlazeFace) -> None:
    assert len(detector.detect(torch.zeros(1, 3, 192, 192), 0.5)) == 0


def test_threads_do_not_disturb_each_other(detector: BlazeFace, tile: Tensor) -> None:
    tiles = [tile.roll(shift, dims=-1) for shift in range(0, 60, 5)]
    wanted = [[face.box for face in detector.detect(one, 0.5).faces()] for one in tiles]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda one: [face.box for face in detector.detect(one, 0.5).faces()], tiles))
    assert found == wanted
    assert len({tuple(boxes) for boxes in found}) > 1


def test_the_detector_is_loaded_once() -> None:
    assert face_detector() is face_detector()


def test_an_opencv_without_tflite_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2.dnn, "readNetFromTFLite")
    with pytest.raises(ConfigError, match=r"OpenCV \S+ cannot run the face detector, which needs 4.12 or later"):
        BlazeFace()


@pytest.mark.skipif(not hasattr(cv2.dnn, "ENGINE_NEW"), reason="OpenCV 4 has one engine")
def test_an_opencv_that_shows_one_output_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    read = cv2.dnn.readNetFromTFLite
    monkeypatch.setattr(cv2.dnn, "readNetFromTFLite", lambda path, *engine: read(path, cv2.dnn.ENGINE_NEW))
    with pytest.raises(ConfigError, match="cannot run the face detector"):
        BlazeFace()
