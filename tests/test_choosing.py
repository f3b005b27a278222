from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from tests.commands import run
from tests.typesetting import typeset_page
from udsd import Deblurrer
from udsd.choosing import NEITHER, ModelChooser
from udsd.domains import DeblurOptions, Look, kind_of
from udsd.domains import look as look_module
from udsd.files import pipeline
from udsd.images import decode_image
from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained import load_manifest


def page() -> np.ndarray:
    return typeset_page(20, (400, 300))


def clouds() -> np.ndarray:
    coarse = np.random.default_rng(0).normal(150, 30, (6, 8)).clip(0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((400, 300), Image.Resampling.BICUBIC))


def kind(picture: Any) -> str | None:
    return kind_of(Look(decode_image(picture).pixels))


def test_pages_are_told_from_what_is_none() -> None:
    assert kind(page()) == "page"
    assert kind(255 - page()) == "page"
    assert kind(clouds()) is None
    assert kind(np.full((60, 80), 255, np.uint8)) is None


@pytest.mark.parametrize(("columns", "rows", "side"), [(1, 1, 200), (3, 2, 160), (8, 5, 80)])
def test_portraits_in_rows_are_no_print(columns: int, rows: int, side: int) -> None:
    """Their frames have the rhythm of lines of letters."""
    gap = side // 5
    portrait = Image.fromarray(data.astronaut()[0:200, 125:325]).resize((side, side))
    sheet = Image.new("RGB", (columns * (side + gap) + gap, rows * (side + gap) + gap), "white")
    for place in range(columns * rows):
        column, row = place % columns, place // columns
        sheet.paste(portrait, (gap + column * (side + gap), gap + row * (side + gap)))
    assert kind(sheet) == "face"


def test_a_portrait_on_a_page_of_large_letters_leaves_it_a_page() -> None:
    image = typeset_page(90, (900, 700)).copy()
    image[-260:-60, 60:260] = data.astronaut()[0:200, 125:325].mean(axis=2)
    assert kind(image) == "page"


@pytest.fixture
def chooser() -> tuple[ModelChooser, list[str]]:
    loaded: list[str] = []

    def load(alias: str) -> Deblurrer:
        loaded.append(alias)
        return Deblurrer(DeblurModel(ModelConfig(base_width=4, residual_output=True)), device="cpu")

    return ModelChooser(load_manifest(), load, "cpu"), loaded


def test_each_picture_gets_the_model_of_its_kind_which_is_loaded_once(chooser: tuple[ModelChooser, list[str]]) -> None:
    restorer, loaded = chooser
    told: list[float] = []
    decoded = [decode_image(picture) for picture in (page(), clouds(), page())]
    results = restorer.restore_decoded(decoded, on_progress=told.append)
    assert loaded == ["text"]
    assert [result.outcome for result in results] == ["restored", "unsuitable", "restored"]
    assert results[1].notes == (NEITHER,)
    assert torch.equal(results[1].pixels, decoded[1].pixels)
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize(("letters", "hints"), [(20, 0), (110, 1)])
def test_a_line_that_fills_the_picture_may_be_a_number_plate(
    chooser: tuple[ModelChooser, list[str]], letters: int, hints: int
) -> None:
    (result,) = chooser[0].restore_decoded([decode_image(typeset_page(letters, (600, 180)))])
    assert result.outcome == "restored"
    assert sum("if it is a number plate, choose the model plate" in note for note in result.notes) == hints


@pytest.mark.parametrize("shown", ["page", "face"])
def test_nothing_is_looked_for_twice(monkeypatch: pytest.MonkeyPatch, shown: str) -> None:
    """Neither by the choice of a model nor by its domain, which looks for the same."""
    seen: list[str] = []

    def noting(name: str) -> None:
        function = getattr(look_module, name)
        monkeypatch.setattr(look_module, name, lambda *given: (seen.append(name), function(*given))[1])

    noting("survey_page")
    noting("sight_faces")
    picture = typeset_page(20, (400, 300)) if shown == "page" else data.astronaut()
    restorer = ModelChooser(load_manifest(), lambda alias: Deblurrer.from_pretrained(alias, device="cpu"), "cpu")
    (result,) = restorer.restore_decoded([decode_image(picture)], DeblurOptions(background="keep"))
    assert result.model.startswith("text" if shown == "page" else "face")
    assert seen.count("survey_page") == 1
    assert seen.count("sight_faces") == (0 if shown == "page" else 1)


def test_the_command_says_what_it_took_and_leaves_what_it_cannot_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, picture in (("page", page()), ("clouds", clouds())):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    report = tmp_path / "report.json"
    given = [tmp_path / "page.png", tmp_path / "clouds.png", "-o", tmp_path / "out", "--report", report]
    assert run("deblur", *given) == 1
    printed = capsys.readouterr()
    version = load_manifest().get("text").revision
    assert (
        printed.out
        == f"1 restored, 1 left out, for which there is no model (by text {version}): {tmp_path / 'out' / 'page.png'}\n"
    )
    assert printed.err == f"udsd: {tmp_path / 'clouds.png'}: {NEITHER}\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["page.png"]
    files = {Path(entry["source"]).name: entry for entry in json.loads(report.read_text())["files"]}
    assert files["page.png"]["model"] == f"text {version}"
    assert files["clouds.png"]["status"] == "unsuitable"
    assert run("deblur", tmp_path / "clouds.png", "-o", tmp_path / "out") == 1
    assert run("deblur", tmp_path / "clouds.png", "-o", tmp_path / "out", "--model", "text-small") == 0


def test_what_is_sharp_can_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    Image.fromarray(page()).save(tmp_path / "page.png")
    given = ["deblur", tmp_path / "page.png", "-o", tmp_path / "out", "--model", "text-small"]
    assert run(*given, "--skip-sharp") == 0
    assert "0 restored, 1 left out, sharp already" in capsys.readouterr().out
    assert not (tmp_path / "out" / "page.png").exists()
    assert run(*given) == 0
    assert "page.png: the picture is sharp already" in caplog.text


@pytest.mark.parametrize("small", [0, 10**9])
def test_of_what_is_unsuitable_nothing_is_written_however_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(pipeline, "_SMALL", small)  # up to which a file is read before its turn
    Image.fromarray(clouds()).save(tmp_path / "clouds.png")
    assert run("deblur", tmp_path / "clouds.png", "-o", tmp_path / "out") == 1
    assert not (tmp_path / "out" / "clouds.png").exists()
    assert run("compare", tmp_path / "clouds.png", "-o", tmp_path / "both.png") == 2
    assert not (tmp_path / "both.png").exists()


def test_runs_of_the_same_models_know_each_other(chooser: tuple[ModelChooser, list[str]]) -> None:
    title = chooser[0].title
    for entry in load_manifest().models:
        assert f"{entry.alias} {entry.sha256}" in title
    assert chooser[1] == []


def test_a_clip_has_one_model_chosen_by_what_most_frames_show(chooser: tuple[ModelChooser, list[str]]) -> None:
    restorer, loaded = chooser
    model = restorer.for_clip([decode_image(picture) for picture in (clouds(), page(), data.astronaut(), page())])
    assert isinstance(model, Deblurrer)
    assert loaded == ["text"]
    assert model.restore_decoded([decode_image(clouds())])[0].outcome == "restored"
    assert restorer.for_clip([decode_image(clouds())] * 2) is None
    assert restorer.for_clip([]) is None


def test_who_says_where_faces_are_gets_the_model_of_faces(chooser: tuple[ModelChooser, list[str]]) -> None:
    restorer, loaded = chooser
    (result,) = restorer.restore_decoded([decode_image(clouds())], DeblurOptions(faces=[(50, 40, 40, 40)]))
    assert result.outcome == "restored"
    assert loaded == ["face"]
