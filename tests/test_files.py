from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from udsd import Deblurrer, ImageError
from udsd.files import restore_files


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


@pytest.fixture
def deblurrer(model_folder: Path) -> Deblurrer:
    return Deblurrer.from_pretrained(model_folder, device="cpu")


@pytest.fixture
def scans(photo: Image.Image, tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    (folder / "deep").mkdir(parents=True)
    photo.save(folder / "a.png")
    photo.save(folder / "deep" / "b.jpg")
    return folder


def test_a_folder_keeps_its_structure(deblurrer: Deblurrer, scans: Path, tmp_path: Path) -> None:
    report = restore_files(deblurrer, [scans], tmp_path / "out")
    assert sorted(report.restored) == [tmp_path / "out" / "a.png", tmp_path / "out" / "deep" / "b.jpg"]
    assert all(opened(path).size == (45, 37) for path in report.restored)


def test_a_second_run_goes_on_where_the_first_stopped(deblurrer: Deblurrer, scans: Path, tmp_path: Path) -> None:
    restore_files(deblurrer, [scans / "a.png"], tmp_path / "out")
    written = (tmp_path / "out" / "a.png").stat().st_mtime_ns
    report = restore_files(deblurrer, [scans], tmp_path / "out")
    assert report.kept == [tmp_path / "out" / "a.png"]
    assert report.restored == [tmp_path / "out" / "deep" / "b.jpg"]
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns == written
    assert len(restore_files(deblurrer, [scans], tmp_path / "out", overwrite=True).restored) == 2


def test_one_bad_file_does_not_stop_the_rest(deblurrer: Deblurrer, scans: Path, tmp_path: Path) -> None:
    (scans / "aa.png").write_bytes((scans / "a.png").read_bytes()[:200])
    report = restore_files(deblurrer, [scans], tmp_path / "out")
    assert len(report.restored) == 2
    assert list(report.failed) == [scans / "aa.png"]
    assert "aa.png" in report.failed[scans / "aa.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "deep"]


def test_a_single_file_may_be_given_its_name(deblurrer: Deblurrer, scans: Path, tmp_path: Path) -> None:
    report = restore_files(deblurrer, [scans / "a.png"], tmp_path / "new.jpg")
    assert report.restored == [tmp_path / "new.jpg"]
    assert opened(tmp_path / "new.jpg").format == "JPEG"


def test_comparisons_show_both(deblurrer: Deblurrer, scans: Path, tmp_path: Path) -> None:
    restore_files(deblurrer, [scans / "a.png"], tmp_path / "both.png", compare=True)
    assert opened(tmp_path / "both.png").width > 2 * 45


def test_results_inside_the_input_are_not_restored_again(deblurrer: Deblurrer, scans: Path) -> None:
    restore_files(deblurrer, [scans], scans / "out")
    report = restore_files(deblurrer, [scans], scans / "out")
    assert len(report.kept) == 2
    assert not report.restored


@pytest.mark.parametrize(
    ("given", "message"),
    [(["missing.png"], "no such file"), (["empty"], "holds no images"), (["scans"], "its own result")],
)
def test_nothing_is_written_when_the_input_is_wrong(
    deblurrer: Deblurrer, scans: Path, tmp_path: Path, given: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    before = {path: path.read_bytes() for path in scans.rglob("*.*")}
    with pytest.raises(ImageError, match=message):
        restore_files(deblurrer, [tmp_path / name for name in given], scans)
    assert {path: path.read_bytes() for path in scans.rglob("*.*")} == before


def test_two_inputs_for_one_result(deblurrer: Deblurrer, scans: Path, tmp_path: Path, photo: Image.Image) -> None:
    (tmp_path / "other").mkdir()
    photo.save(tmp_path / "other" / "a.png")
    with pytest.raises(ImageError, match="both"):
        restore_files(deblurrer, [scans / "a.png", tmp_path / "other" / "a.png"], tmp_path / "out")
