"""No command writes over what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from udsd.cli import main


@pytest.fixture
def place(photo: Image.Image, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, of which every file is the same afterwards."""
    (tmp_path / "in").mkdir()
    photo.save(tmp_path / "in" / "a.png")
    photo.save(tmp_path / "in" / "contact.png")
    (tmp_path / "hard.json").hardlink_to(tmp_path / "in" / "a.png")
    (tmp_path / "soft.json").symlink_to("in/a.png")
    for name in ("in/scan.pdf", "in/CLIP.MP4", "boxes.json"):
        (tmp_path / name).write_text("[[1, 2, 30, 30]]")
    (tmp_path / "link").symlink_to("in")
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    yield tmp_path
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("compare in/a.png -o in/a.png", "would be replaced by its own picture"),
        ("compare in/a.png -o link/../link/a.png", "would be replaced by its own picture"),
        ("deblur in/a.png -o link", "would be replaced by its own result"),
        ("deblur in/a.png -o ./in/a.png --overwrite", "would be replaced by its own result"),
        ("deblur in link -o in/../in --overwrite", "would be replaced by its own results"),
        ("deblur in -o o --report in/a.png", "has the name of an image"),
        ("deblur in -o o --report in/scan.pdf", "has the name of an image, a PDF or a clip"),
        ("deblur in -o o --report in/CLIP.MP4", "has the name of an image, a PDF or a clip"),
        ("deblur in -o o --faces boxes.json --report boxes.json", "would replace boxes.json, which is read"),
        ("deblur in/a.png -o o --report hard.json", "would replace in/a.png, which is read"),
        ("deblur in/a.png -o o --report soft.json", "would replace in/a.png, which is read"),
        ("deblur in -o o --report model/config.json", "would replace model/config.json, which is read"),
        ("deblur in/a.png -o o --report in", "cannot write the report in (Is a directory)"),
        ("deblur in/a.png -o o --report ./o", "the report o has the name of a folder of the results"),
        ("deblur in/a.png -o o/p --report link/../o", "has the name of a folder of the results"),
        ("deblur in -o o --report in/a.png/r.json", "cannot write the report"),
        ("deblur in -o o --report " + "n" * 300, "cannot write the report"),
        ("evaluate in -o in", "the report would lie among the images of in"),
        ("evaluate in -o link/report", "the report would lie among the images of in"),
    ],
)
def test_refused_in_one_line_before_the_work(
    place: Path, command: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command.split(), "--model", "model"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (place / "o").exists()


@pytest.mark.parametrize("output", ["model", "./model", "in/../model"])
def test_an_export_does_not_replace_its_model(place: Path, output: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "model", "-o", output, "--format", "onnx"]) == 2
    assert "holds the model that is read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        "deblur ../in/a.png -o o --model {model}",
        "deblur . -o o --model {model}",
        "compare ../in/a.png -o b.png --model {model}",
        "export {model} -o b --format openvino",
    ],
)
def test_a_current_folder_that_is_gone(
    place: Path, model_folder: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "gone").mkdir()
    monkeypatch.chdir(place / "gone")
    (place / "gone").rmdir()
    assert main(command.format(model=model_folder).split()) == 2
    assert capsys.readouterr().err.count("\n") == 1
    whole = f"deblur {place}/in/a.png -o {place.parent}/o --model {model_folder}"
    assert main(whole.split()) == 0
