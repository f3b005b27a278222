from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands import run
from tests.pictures import opened


def test_evaluate_writes_its_report(
    scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 80, 3), dtype=np.uint8)
    (tmp_path / "sharp").mkdir()
    Image.fromarray(noise).save(tmp_path / "sharp" / "noise.png")
    assert run("evaluate", tmp_path / "sharp", "-o", tmp_path / "report", "--model", model_folder) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert set(report["overall"]) == {"blurred", str(model_folder), "unsharp mask"}
    assert opened(tmp_path / "report" / "contact.png").height > 64
    assert capsys.readouterr().out == (tmp_path / "report" / "report.md").read_text()


def test_evaluate_measures_given_pairs_and_models_beside(model_folder: Path, tmp_path: Path) -> None:
    for side, contrast in (("sharp", 255), ("blurred", 90)):
        noise = np.random.default_rng(0).integers(0, contrast, (64, 80, 3), dtype=np.uint8)
        (tmp_path / side).mkdir()
        Image.fromarray(noise).save(tmp_path / side / "noise.png")
    other = tmp_path / "other"
    shutil.copytree(model_folder, other)
    folders = [tmp_path / "sharp", "--blurred", tmp_path / "blurred", "-o", tmp_path / "report"]
    assert run("evaluate", *folders, "--model", model_folder, "--beside", other) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert set(report["overall"]) == {"blurred", str(model_folder), str(other), "unsharp mask"}
    assert list(report["by_strength"]) == ["as given"]
    assert report["overall"][str(other)] == report["overall"][str(model_folder)]


def test_evaluate_can_put_images_out_of_focus_too(scan: Path, model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "sharp").mkdir()
    shutil.copy(scan, tmp_path / "sharp")
    blurred = {}
    for name, options in {"shaken": [], "defocused": ["--defocus", "3", "6"]}.items():
        given = [tmp_path / "sharp", "-o", tmp_path / name, "--model", model_folder, "--path-length", "2", "4"]
        assert run("evaluate", *given, *options) == 0
        blurred[name] = json.loads((tmp_path / name / "report.json").read_text())["overall"]["blurred"]["psnr"]
    assert blurred["defocused"] < blurred["shaken"] - 1


def test_evaluate_can_blur_light_instead_of_levels(scan: Path, model_folder: Path, tmp_path: Path) -> None:
    """By a power of 1 light is what levels are; by others it is not."""
    (tmp_path / "sharp").mkdir()
    shutil.copy(scan, tmp_path / "sharp")
    blurred = []
    for number, options in enumerate(([], ["--gamma", "1", "1"], ["--gamma", "2.2", "2.2"])):
        report = tmp_path / str(number)
        blur = ["--path-length", "9", "9", "--noise", "0", "0", *options]
        assert run("evaluate", tmp_path / "sharp", "-o", report, "--model", model_folder, *blur) == 0
        blurred.append(json.loads((report / "report.json").read_text())["overall"]["blurred"]["psnr"])
    assert blurred[1] == pytest.approx(blurred[0], abs=1e-3)
    assert abs(blurred[2] - blurred[0]) > 0.1


@pytest.mark.parametrize("option", [["--strips", "4"], ["--other-paper"]])
def test_given_pairs_are_neither_cut_nor_printed_anew(
    option: list[str], model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [tmp_path, "--blurred", tmp_path, "-o", tmp_path / "report", "--model", model_folder]
    assert run("evaluate", *pairs, *option) == 2
    assert f"{option[0]} " in (message := capsys.readouterr().err)
    assert "leave it or --blurred out" in message
