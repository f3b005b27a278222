from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from tests.commands import run
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
    assert names == ["portrait-face1-after.png", "portrait-face1-before.png", "portrait.png"]
    with Image.open(tmp_path / "out" / "portrait-face1-before.png") as crop:
        assert crop.size == (160, 160)
        face = np.asarray(crop.convert("L"), float)
    # Eyes are darker than the cheeks below them, on both sides.
    assert face[60:75, 40:70].min() < face[85:100, 45:65].mean() - 40
    assert face[60:75, 90:120].min() < face[85:100, 95:115].mean() - 40
    capsys.readouterr()
    assert run("deblur", tmp_path, "-o", tmp_path / "out", "--model", tmp_path / "model") == 0
    assert capsys.readouterr().out.startswith("0 restored, 1 kept")
    assert run("deblur", *given, "--compare", "--face-crops", tmp_path) == 2


def test_what_is_no_face_or_was_not_written_has_no_crops(portrait: Path, tmp_path: Path) -> None:
    page = PageReport(1, (Region((0, 0, 512, 512), scale=0.5),), ())
    result = FileResult(portrait, portrait, "restored", pages=(page,))
    assert write_face_crops(result, tmp_path / "crops") == []
    face = replace(page, regions=(Region((180, 90, 90, 90), score=0.9),))
    assert write_face_crops(replace(result, status="failed", pages=(face,)), tmp_path / "crops") == []
    assert len(write_face_crops(replace(result, pages=(face,)), tmp_path / "crops")) == 2
