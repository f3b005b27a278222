from __future__ import annotations

import numpy as np
import pytest

from udsd.domains.faces.face import LARGEST_OVERLAP, Face, overlap, without_duplicates


def face(left: float, score: float, side: float = 20) -> Face:
    return Face((left, 0, side, side), np.zeros((6, 2)), score)


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1),
        ((0, 0, 10, 10), (5, 0, 10, 10), 0.5),
        ((0, 0, 100, 100), (10, 10, 10, 10), 1),
        ((0, 0, 10, 10), (10, 0, 10, 10), 0),
        ((0, 0, 10, 10), (30, 30, 10, 10), 0),
        ((0, 0, 0, 10), (0, 0, 10, 10), 0),
    ],
)
def test_overlap_is_a_part_of_the_smaller_box(first: tuple, second: tuple, shared: float) -> None:
    assert overlap(first, second) == overlap(second, first) == shared


def test_of_faces_at_one_place_the_surest_is_kept() -> None:
    faces = [face(0, 0.5), face(4, 0.9), face(50, 0.7), face(52, 0.6)]
    assert [one.score for one in without_duplicates(faces)] == [0.9, 0.7]


def test_many_faces_are_compared_as_two_are() -> None:
    rng = np.random.default_rng(0)
    boxes = np.hstack([rng.uniform(0, 100, (300, 2)), rng.uniform(0, 30, (300, 2))])
    faces = [
        Face(tuple(box), np.zeros((6, 2)), float(score)) for box, score in zip(boxes, rng.random(300), strict=True)
    ]
    kept: list[Face] = []
    for one in sorted(faces, key=lambda one: -one.score):
        if all(overlap(one.box, other.box) <= LARGEST_OVERLAP for other in kept):
            kept.append(one)
    assert without_duplicates(faces) == kept
    assert 20 < len(kept) < 280
    assert without_duplicates([]) == []


def test_center_and_size_are_those_of_the_box() -> None:
    one = Face((10, 20, 30, 40), np.zeros((6, 2)), 1)
    assert one.center == (25, 40)
    assert one.size == 30
