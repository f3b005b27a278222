"""Faces that are followed over the frames of a clip."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from udsd.domains.domain import AsExpected
from udsd.domains.faces.alignment import Placement, cut
from udsd.domains.faces.blazeface import BlazeFace
from udsd.domains.faces.domain import AlignedFindings, FaceDomain, PhotoFindings
from udsd.domains.faces.face import Face
from udsd.domains.faces.search import search
from udsd.domains.faces.tracks import Tracks
from udsd.domains.look import Look
from udsd.domains.options import DeblurOptions
from udsd.models.config import DomainConfig

CONFIG = DomainConfig("face", (150.0, 170.0))


def shifted(face: Face, x: float, y: float = 0, wobble: float = 0) -> Face:
    left, top, width, height = face.box
    move = np.array([x, y])
    return Face((left + x, top + y, width, height), face.landmarks + move + wobble, face.score)


def test_what_wobbles_is_smoothed_without_lagging_behind(astronaut: Tensor, detector: BlazeFace) -> None:
    (found,) = search(astronaut, detector).faces
    tracks = Tracks(160)
    random = np.random.default_rng(0)
    true, measured, placed = [], [], []
    for number in range(40):
        wobble = float(random.normal(0, 2))
        true.append(found.center[0] + 3 * number)
        measured.append(wobble)
        (face,) = tracks.follow(astronaut, [shifted(found, 3 * number, wobble=wobble)], detector)
        placed.append(face.placement.center[0])
    offset = np.array(placed) - np.array(true)
    offset = offset[15:] - offset[15:].mean()
    assert np.diff(offset).std() < 0.7 * np.diff(measured).std()
    lag = (placed[-1] - placed[15]) / (true[-1] - true[15])
    assert math.isclose(lag, 1, abs_tol=0.06)


def test_the_size_that_is_restored_holds(astronaut: Tensor, detector: BlazeFace) -> None:
    (found,) = search(astronaut, detector).faces
    tracks = Tracks(160)
    sizes = set()
    for number in range(12):
        blurred = astronaut if number % 4 else torch.nn.functional.avg_pool2d(astronaut, 9, 1, 4)
        (face,) = tracks.follow(blurred, [found], detector)
        sizes.add(face.size)
    assert len(sizes) <= 2


def test_a_face_that_is_not_seen_is_expected_for_some_frames(astronaut: Tensor, detector: BlazeFace) -> None:
    (found,) = search(astronaut, detector).faces
    tracks = Tracks(160)
    blank = torch.zeros_like(astronaut)
    assert len(tracks.follow(astronaut, [found], detector)) == 1
    counts = [len(tracks.follow(blank, [], detector)) for _ in range(8)]
    assert counts == [1] * 5 + [0] * 3
    assert len(tracks.follow(astronaut, [found], detector)) == 1
    tracks.forget()
    assert tracks.follow(blank, [], detector) == []


def test_a_face_that_the_search_missed_is_looked_for_where_it_was(astronaut: Tensor, detector: BlazeFace) -> None:
    (found,) = search(astronaut, detector).faces
    tracks = Tracks(160)
    tracks.follow(astronaut, [found], detector)
    for _ in range(10):
        (face,) = tracks.follow(astronaut, [], detector)
    assert math.dist(face.placement.center, found.center) < 0.3 * found.size


def test_faces_keep_apart(group: Tensor, detector: BlazeFace) -> None:
    faces = search(group, detector).faces
    assert len(faces) == 3
    tracks = Tracks(160)
    first = tracks.follow(group, faces, detector)
    second = tracks.follow(group, faces[::-1], detector)
    assert [round(face.placement.side) for face in first] == [round(face.placement.side) for face in second]


def test_a_clip_of_photos_and_what_only_restoring_shows(astronaut: Tensor) -> None:
    domain = FaceDomain(CONFIG).for_clip([])
    options = DeblurOptions()
    findings = domain.examine(Look(astronaut), options)
    assert isinstance(findings, PhotoFindings)
    again = domain.examine(Look(astronaut), options)
    assert isinstance(again, PhotoFindings)
    assert [face.size for face in again.faces] == [face.size for face in findings.faces]
    blank = domain.examine(Look(torch.zeros_like(astronaut)), options)
    assert isinstance(blank, PhotoFindings)
    assert blank.faces == []  # a cut
    assert isinstance(domain.examine(Look(astronaut), DeblurOptions(faces="off")), AsExpected)


def test_a_clip_that_is_one_aligned_face_stays_one(astronaut: Tensor, detector: BlazeFace) -> None:
    (found,) = search(astronaut, detector).faces
    small = cut(astronaut, Placement.of_face(found), 128)
    domain = FaceDomain(CONFIG).for_clip([])
    first = domain.examine(Look(small), DeblurOptions())
    assert isinstance(first, AlignedFindings)
    blurred = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(small, (20, 20, 20, 20), mode="reflect"), 41, 1)
    for _ in range(3):  # too much for the detector, or of another length
        hidden = domain.examine(Look(blurred), DeblurOptions())
        assert isinstance(hidden, AlignedFindings)
        assert hidden.scale == first.scale


def test_a_pan_from_one_face_to_another_has_one_in_the_middle(group: Tensor) -> None:
    domain = FaceDomain(CONFIG).for_clip([])
    width, chosen = group.shape[-1], []
    for left in range(0, width // 2, width // 40):
        findings = domain.examine(Look(group[..., left : left + width // 2]), DeblurOptions(faces="center"))
        assert isinstance(findings, PhotoFindings)
        (face,) = findings.faces
        chosen.append(left + face.placement.center[0])
    assert chosen[-1] - chosen[0] > width / 4
