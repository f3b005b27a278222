from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from tests.commands import run
from udsd import align_face, detect_faces
from udsd.domains import Region
from udsd.files import FileResult, write_face_crops
from udsd.files.report import PageReport
from udsd.models import DeblurModel, ModelConfig
from udsd.models.config import DomainConfig
from udsd.pretrained import save_model


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    """Eileen Collins, a photograph by NASA in the public domain."""
    Image.fromarray(data.astronaut()).save(tmp_path / "portrait.png")
    return tmp_path / "portrait.png"


def test_faces_are_written_on_request_and_are_no_pictures_to_restore(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ModelConfig(base_width=4, residual_output=True, domain=DomainConfig("face", (150.0, 171.0)))
    save_model(DeblurModel(config), tmp_path / "model")
    given = [portrait, "-o", tmp_path / "out", "--model", tmp_path / "model"]
    assert run("deblur", *given, "--face-crops", tmp_path / "out") == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["portrait.png", "portrait.png-face1-after.png", "portrait.png-face1-before.png"]
    with Image.open(tmp_path / "out" / "portrait.png-face1-before.png") as crop:
        assert crop.size == (160, 160)
        face = np.asarray(crop.convert("L"), float)
    # Eyes are darker than the cheeks below them, on both sides.
    assert face[60:75, 40:70].min() < face[85:100, 45:65].mean() - 40
    assert face[60:75, 90:120].min() < face[85:100, 95:115].mean() - 40
    capsys.readouterr()
    assert run("deblur", tmp_path, "-o", tmp_path / "out", "--model", tmp_path / "model") == 0
    assert capsys.readouterr().out.startswith("0 restored, 1 kept")
    assert run("deblur", *given, "--compare", "--face-crops", tmp_path) == 2


@pytest.mark.parametrize("side", [130, 160])
def test_of_an_aligned_portrait_the_crop_is_the_portrait(side: int, tmp_path: Path) -> None:
    picture = Image.fromarray(data.astronaut())
    crop = align_face(picture, detect_faces(picture)[0], size=side)
    crop.save(tmp_path / "aligned.png")
    config = ModelConfig(base_width=4, residual_output=True, domain=DomainConfig("face", (150.0, 171.0)))
    save_model(DeblurModel(config), tmp_path / "model")
    given = [tmp_path / "aligned.png", "-o", tmp_path / "out", "--model", tmp_path / "model"]
    assert run("deblur", *given, "--face-crops", tmp_path / "crops") == 0
    with Image.open(tmp_path / "crops" / "aligned.png-face1-before.png") as before:
        written = np.asarray(before.convert("L").resize((side, side)), float)
    given_face = np.asarray(crop.convert("L"), float)
    inner = slice(side // 5, -side // 5)
    assert np.corrcoef(written[inner, inner].ravel(), given_face[inner, inner].ravel())[0, 1] > 0.8


def test_what_is_no_face_or_was_not_written_has_no_crops(portrait: Path, tmp_path: Path) -> None:
    page = PageReport(1, (Region((0, 0, 512, 512), scale=0.5),), ())
    result = FileResult(portrait, portrait, "restored", pages=(page,))
    assert write_face_crops(result, tmp_path / "crops") == []
    face = replace(page, regions=(Region((180, 90, 90, 90), score=0.9),))
    assert write_face_crops(replace(result, status="failed", pages=(face,)), tmp_path / "crops") == []
    assert len(write_face_crops(replace(result, pages=(face,)), tmp_path / "crops")) == 2


def test_crops_of_files_of_one_name_stay_apart(portrait: Path, tmp_path: Path) -> None:
    face = PageReport(1, (Region((180, 90, 90, 90), score=0.9),), ())
    written = [
        crop.relative_to(tmp_path / "crops").as_posix()
        for place in ("anna/1.jpg", "anna/1.png", "bert/1.png")
        for crop in write_face_crops(
            FileResult(portrait, save(portrait, tmp_path / "out" / place), "restored", pages=(face,)),
            tmp_path / "crops",
            tmp_path / "out",
        )
    ]
    assert len({*written}) == 6
    assert written[:2] == ["anna/1.jpg-face1-before.png", "anna/1.jpg-face1-after.png"]
    # A result that has a name of its own, and no place.
    result = FileResult(portrait, portrait, "restored", pages=(face,))
    assert {
        crop.parent for output in (portrait, tmp_path / "x") for crop in write_face_crops(result, tmp_path, output)
    } == {tmp_path}


def save(portrait: Path, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(portrait) as image:
        image.save(path)
    return path


@pytest.mark.parametrize("crops", ["people/crops", "people"])
def test_crops_among_the_inputs_are_no_inputs(crops: str, portrait: Path, tmp_path: Path) -> None:
    save(portrait, tmp_path / "people" / "a" / "1.png")
    config = ModelConfig(base_width=4, residual_output=True, domain=DomainConfig("face", (150.0, 171.0)))
    save_model(DeblurModel(config), tmp_path / "model")
    given = [tmp_path / "people", "-o", tmp_path / "out", "--face-crops", tmp_path / crops]
    for _ in range(2):
        assert run("deblur", *given, "--model", tmp_path / "model", "--overwrite") == 0
    assert (tmp_path / crops / "a" / "1.png-face1-after.png").exists()
    assert [path.name for path in (tmp_path / "out").rglob("*.png")] == ["1.png"]
