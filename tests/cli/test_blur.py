"""``udsd-train blur``: the report on the blur of a folder."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.drawings import EXTENT, extents
from tests.training.test_automatic import save_drawings
from udsd.cli.train import main
from udsd.degradation import BlurConfig, load_blurs
from udsd.estimation import BlurEstimator, Round, learn_blur
from udsd.settings import build_settings
from udsd.training import learnt_blur


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blur")
    save_drawings(folder / "sharp", 12, 0)
    save_drawings(folder / "blurred", 8, 1, blurred=True)
    return folder


def check_report(report: Path) -> None:
    settings = tomllib.loads((report / "blur.toml").read_text())["blur"]
    config = build_settings(BlurConfig, settings)
    assert config.path_length[0] < 13
    assert config.path_length[1] > 7
    for name in ("kernels.png", "histograms.png"):
        with Image.open(report / name) as picture:
            assert np.asarray(picture).std() > 5, "the picture is empty"
    assert "px long" in (report / "README.md").read_text()


def test_with_sharp_images(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = (Round(150, 10, 4, 1.0), Round(100, 10, 8, 0.5))
    monkeypatch.setattr(
        learnt_blur, "learn_blur", lambda *images, **given: learn_blur(*images, **given | {"rounds": few})
    )
    report = tmp_path / "report"
    assert main(["blur", str(folders / "blurred"), "--sharp", str(folders / "sharp"), "-o", str(report)]) == 0
    check_report(report)
    assert len(BlurEstimator.load(report / "blur.safetensors").blurs) == 1024
    out = capsys.readouterr().out
    assert "8 images" in out
    assert f"--set blur.learnt={report / 'blur.safetensors'}" in out
    assert "no blur to learn" not in out


def test_without(folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blur", str(folders / "blurred"), "-o", str(tmp_path)]) == 0
    check_report(tmp_path)
    found = load_blurs(tmp_path / "blur.safetensors")
    assert np.mean(found.gammas > 1) == pytest.approx(0.5, abs=0.05)
    out = capsys.readouterr().out
    assert "whether light or grey levels were blurred is not known without --sharp" in out
    assert "as by a camera" not in out
    assert np.median(extents(found)[found.moves]) == pytest.approx(EXTENT, rel=0.35)


def test_sharp_images_are_told(folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blur", str(folders / "sharp"), "-o", str(tmp_path)]) == 0
    assert "these images are sharp: there is no blur to learn" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("{missing}", "no such folder"),
        ("{empty}", "holds no images"),
        ("{sharp} --sharp {sharp}", "all blurred images are among the sharp ones"),
        ("{sharp} -o {sharp}", "all images lie in the output folder"),
    ],
)
def test_bad_input_is_one_line(
    arguments: str, message: str, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"missing": tmp_path / "missing", "empty": tmp_path / "empty", "sharp": folders / "sharp"}
    report = tmp_path / "report"
    assert main(["blur", "-o", str(report), *arguments.format(**places).split(" ")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not report.exists()


@pytest.mark.parametrize("seed", ["-1", "1.5", "9223372036854775808", "x"])
def test_a_wrong_seed_is_told(seed: str, folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["blur", str(folders / "blurred"), "-o", str(tmp_path), "--seed", seed])
    assert f"{seed!r} is no seed; give a whole number from 0" in capsys.readouterr().err
