"""Here, where pictures with faces are."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

from udsd.domains import Look, look
from udsd.domains.faces import search as search_module
from udsd.domains.faces.blazeface import BlazeFace
from udsd.domains.faces.search import search


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The smallest sizes that were searched for."""
    made: list[float] = []

    def noting(image: Tensor, detector: BlazeFace, smallest: float) -> Any:
        made.append(smallest)
        return search_module.sight_faces(image, detector, smallest)

    monkeypatch.setattr(look, "sight_faces", noting)
    return made


def test_a_look_finds_what_a_search_finds_and_searches_once(
    group: Tensor, detector: BlazeFace, searches: list[float]
) -> None:
    seen = Look(group)
    for smallest, count in ((0, 3), (16, 3), (20, 3)):
        found, wanted = seen.faces(smallest), search(group, detector, smallest)
        assert [(face.box, face.score) for face in found.faces] == [(face.box, face.score) for face in wanted.faces]
        assert len(found.faces) == count
        assert len(found.doubtful) == len(wanted.doubtful)
    assert searches == [0]


def test_only_where_large_faces_alone_are_wanted_another_search_is_made(
    group: Tensor, detector: BlazeFace, searches: list[float]
) -> None:
    seen = Look(group)
    seen.faces()
    (face,) = seen.faces(75).faces
    assert face.box == search(group, detector, 75).faces[0].box
    assert searches == [0, 75]
