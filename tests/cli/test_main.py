from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from udsd.cli import main


@pytest.fixture
def scan(photo: Image.Image, tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    photo.save(path)
    return path


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_deblur(scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("deblur", scan, "-o", tmp_path / "out", "--model", model_folder, "--device", "cpu") == 0
    assert opened(tmp_path / "out" / "scan.png").size == (45, 37)
    assert capsys.readouterr().out == "1 restored\n"


def test_a_bad_file_among_good_ones_gives_status_1(
    scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    assert run("deblur", scan, bad, "-o", tmp_path / "out", "--model", model_folder) == 1
    printed = capsys.readouterr()
    assert printed.out == "1 restored, 1 failed\n"
    assert printed.err.count("\n") == 1
    assert "bad.png" in printed.err


@pytest.mark.parametrize(
    "bad",
    ["missing", "text file", "truncated", "empty folder", "unknown model", "wrong device", "damaged weights"],
)
def test_bad_input_gives_status_2_and_one_line(
    bad: str, scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, model, device = scan, str(model_folder), "cpu"
    if bad == "missing":
        source = tmp_path / "missing.png"
    elif bad == "text file":
        source.write_text("no image")
    elif bad == "truncated":
        source.write_bytes(source.read_bytes()[:100])
    elif bad == "empty folder":
        source = tmp_path / "empty"
        source.mkdir()
    elif bad == "unknown model":
        model = "txet"
    elif bad == "wrong device":
        device = "cuda:77"
    else:
        weights = model_folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-10])
    assert run("deblur", source, "-o", tmp_path / "out", "--model", model, "--device", device) == 2
    error = capsys.readouterr().err
    assert error.startswith("udsd: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_compare(scan: Path, model_folder: Path, tmp_path: Path) -> None:
    assert run("compare", scan, "-o", tmp_path / "both.png", "--model", model_folder) == 0
    assert opened(tmp_path / "both.png").width > 90


def test_models_lists_the_zoo(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["name", "width"]
    assert [line.split()[0] for line in lines[1:]] == ["face", "text", "text-small"]


def test_evaluate_writes_its_report(scan: Path, model_folder: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 80, 3), dtype=np.uint8)
    (tmp_path / "sharp").mkdir()
    Image.fromarray(noise).save(tmp_path / "sharp" / "noise.png")
    assert run("evaluate", tmp_path / "sharp", "-o", tmp_path / "report", "--model", model_folder) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert set(report["overall"]) == {"blurred", str(model_folder), "unsharp mask"}
    assert opened(tmp_path / "report" / "contact.png").height > 64


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


@pytest.mark.parametrize("option", [["--strips", "4"], ["--other-paper"]])
def test_given_pairs_are_neither_cut_nor_printed_anew(
    option: list[str], model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [tmp_path, "--blurred", tmp_path, "-o", tmp_path / "report", "--model", model_folder]
    assert run("evaluate", *pairs, *option) == 2
    assert f"{option[0]} " in (message := capsys.readouterr().err)
    assert "leave it or --blurred out" in message


def test_a_reader_that_goes_away_is_no_error(scan: Path, model_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "udsd", "deblur", scan, "-o", tmp_path / "out", "--model", model_folder, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_no_command_prints_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run()
    assert stop.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_results_for_machines(
    scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    out, report = tmp_path / "out", tmp_path / "reports" / "report.json"
    options = ["--suffix", "_sharp", "--format", "jpg", "--json", "--report", report, "--memory-limit", "1GB"]
    assert run("deblur", scan, bad, "-o", out, "--model", model_folder, *options) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["status"], line["target"]) for line in lines] == [
        ("restored", str(out / "scan_sharp.jpg")),
        ("failed", str(out / "bad_sharp.jpg")),
    ]
    assert json.loads(report.read_text())["files"] == lines
    assert opened(out / "scan_sharp.jpg").format == "JPEG"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--memory-limit", "much"], "memory_limit is 'much'; give bytes, or text such as '2GB'"),
        (["--format", "docx"], "no image format for a name with the ending '.docx'"),
        (["--report", "{scan}/report.json"], "cannot write the report"),
    ],
)
def test_bad_options_give_status_2(
    scan: Path,
    model_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    given = [option.format(scan=scan) for option in options]
    assert run("deblur", scan, "-o", tmp_path / "out", "--model", model_folder, *given) == 2
    assert message in capsys.readouterr().err
