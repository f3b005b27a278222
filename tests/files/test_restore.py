from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pictures import opened
from udsd import ConfigError, Deblurrer, ImageError
from udsd.files import FileResult, compare_file, restore_files
from udsd.images import save_image, saving
from udsd.images.pillow import PillowReader


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


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_not_kept_as_a_result(deblurrer: Deblurrer, scans: Path, tmp_path: Path, make: Any) -> None:
    (tmp_path / "out").mkdir()
    make(tmp_path / "out" / "a.png")
    report = restore_files(deblurrer, [scans], tmp_path / "out")
    assert report.restored == [tmp_path / "out" / "deep" / "b.jpg"]
    assert list(report.failed) == [scans / "a.png"]
    assert not (tmp_path / "out" / "a.png").is_file()


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


def test_results_may_be_called_otherwise(deblurrer: Deblurrer, scans: Path, tmp_path: Path) -> None:
    report = restore_files(deblurrer, [scans], tmp_path / "out", suffix="_sharp", file_format="png")
    assert sorted(report.restored) == [tmp_path / "out" / "a_sharp.png", tmp_path / "out" / "deep" / "b_sharp.png"]
    assert all(opened(path).format == "PNG" for path in report.restored)
    assert restore_files(deblurrer, [scans], tmp_path / "out", suffix="_sharp", file_format=".png").kept == sorted(
        report.restored
    )


def test_a_suffix_lets_results_lie_beside_their_inputs(deblurrer: Deblurrer, scans: Path) -> None:
    report = restore_files(deblurrer, [scans / "a.png"], scans, suffix="_sharp")
    assert report.restored == [scans / "a_sharp.png"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"suffix": "/../x"}, "no part of a file name"),
        ({"suffix": "x/"}, "no part of a file name"),
        ({"file_format": "docx"}, "no image format for a name with the ending"),
    ],
)
def test_names_that_are_none_are_refused(
    deblurrer: Deblurrer, scans: Path, tmp_path: Path, names: dict[str, str], message: str
) -> None:
    with pytest.raises(ImageError, match=message):
        restore_files(deblurrer, [scans], tmp_path / "out", **names)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_two_inputs_that_only_differ_in_their_format_are_refused_as_one_file(
    deblurrer: Deblurrer, photo: Image.Image, tmp_path: Path
) -> None:
    for name in ("a.png", "a.jpg"):
        photo.save(tmp_path / name)
    with pytest.raises(ImageError, match=r"would both be written to .*a\.tif"):
        restore_files(deblurrer, [tmp_path / "a.png", tmp_path / "a.jpg"], tmp_path / "out", file_format="tif")


def test_each_result_is_told_as_it_is_known_and_all_in_the_report(
    deblurrer: Deblurrer, scans: Path, tmp_path: Path
) -> None:
    (scans / "aa.png").write_bytes((scans / "a.png").read_bytes()[:200])
    told: list[FileResult] = []
    report = restore_files(deblurrer, [scans], tmp_path / "out", on_result=told.append)
    assert told == report.results
    assert [(result.source.name, result.status) for result in told] == [
        ("a.png", "restored"),
        ("aa.png", "failed"),
        ("b.jpg", "restored"),
    ]
    assert all(result.seconds >= 0 for result in told)
    assert told[0].seconds > 0
    document = json.loads(report.to_json())
    assert (document["restored"], document["kept"], document["failed"]) == (2, 0, 1)
    assert document["files"][1]["source"] == str(scans / "aa.png")
    assert "aa.png" in document["files"][1]["reason"]
    assert json.loads(told[0].to_json())["target"] == str(tmp_path / "out" / "a.png")


def test_what_runs_out_of_memory_fails_alone(
    deblurrer: Deblurrer, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In decoding, in the network and in encoding; decoding is tried once more, without files read ahead."""
    for name in ("decoding.png", "network.png", "encoding.png"):
        (scans / name).write_bytes((scans / "a.png").read_bytes())
    read, write = PillowReader.read, saving._write_pages
    tries: list[str] = []

    def failing_read(self: PillowReader, index: int) -> Any:
        if self._name.endswith("decoding.png"):
            tries.append(self._name)
            raise MemoryError
        page = read(self, index)
        return page.then(lambda image: torch.empty(2**56)) if self._name.endswith("network.png") else page

    def failing_write(first: Any, others: Any, destination: Any) -> None:
        if destination.path.name == "encoding.png":
            np.empty(2**56)
        write(first, others, destination)

    monkeypatch.setattr(PillowReader, "read", failing_read)
    monkeypatch.setattr(saving, "_write_pages", failing_write)
    report = restore_files(deblurrer, [scans], tmp_path / "out")
    assert sorted(path.name for path in report.restored) == ["a.png", "b.jpg"]
    assert sorted(path.name for path in report.failed) == ["decoding.png", "encoding.png", "network.png"]
    assert all("more memory than there is" in reason for reason in report.failed.values())
    assert len(tries) == 2


def test_a_comparison_does_not_replace_what_it_shows(deblurrer: Deblurrer, scans: Path) -> None:
    before = (scans / "a.png").read_bytes()
    (scans / "link.png").symlink_to("a.png")
    (scans / "hard.png").hardlink_to(scans / "a.png")
    for target in ("a.png", "link.png", "hard.png", "deep/../a.png"):
        with pytest.raises(ImageError, match="would be replaced by its own picture"):
            compare_file(deblurrer, scans / "a.png", scans / target)
    assert (scans / "a.png").read_bytes() == before


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".gif", ".bmp", ".ppm", ".jp2", ".j2k", ".avif"])
def test_a_second_run_in_place_restores_no_result(deblurrer: Deblurrer, tmp_path: Path, suffix: str) -> None:
    save_image(Image.effect_noise((20, 16), 50).convert("RGB"), tmp_path / f"a{suffix}")
    for overwrite in (False, False, True):
        restore_files(deblurrer, [tmp_path], tmp_path, suffix="_sharp", overwrite=overwrite)
        assert sorted(path.name for path in tmp_path.glob("a*")) == [f"a{suffix}", f"a_sharp{suffix}"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_pictures_of_both_in_place_are_no_inputs(deblurrer: Deblurrer, tmp_path: Path, suffix: str) -> None:
    """Neither of the next comparison, however the folder is called, nor of a restoration."""
    folder = tmp_path / "in"
    save_image(Image.effect_noise((20, 16), 50).convert("RGB"), folder / f"a{suffix}")
    original = (folder / f"a{suffix}").read_bytes()
    (tmp_path / "link").symlink_to("in")
    for given in (folder, folder / ".." / "in", tmp_path / "link", folder / f"*{suffix}"):
        for overwrite in (False, True):
            report = restore_files(deblurrer, [given], folder, compare=True, suffix="_both", overwrite=overwrite)
            assert [result.target.name for result in report.results] == [f"a_both{suffix}"]
    assert opened(folder / f"a_both{suffix}").width > 2 * 20
    compare_file(deblurrer, folder / f"a{suffix}", folder / f"shown{suffix}")
    restore_files(deblurrer, [folder], folder, suffix="_sharp")
    names = [f"a{suffix}", f"a_both{suffix}", f"a_sharp{suffix}", f"shown{suffix}"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / f"a{suffix}").read_bytes() == original


def test_paths_as_text_and_numbers_of_numpy(deblurrer: Deblurrer, scans: Path, tmp_path: Path) -> None:
    report = restore_files(
        deblurrer,
        [str(scans / "deep")],
        str(tmp_path / "out"),
        overwrite=np.bool_(True),  # type: ignore[arg-type]
        quality=np.int64(80),  # type: ignore[arg-type]
        batch_size=np.int64(1),  # type: ignore[arg-type]
    )
    assert report.restored == [tmp_path / "out" / "b.jpg"]
    compare_file(deblurrer, str(scans / "a.png"), str(tmp_path / "both.png"))
    assert (tmp_path / "both.png").exists()


@pytest.mark.parametrize(
    ("inputs", "output", "options", "message"),
    [
        ("a.png", "out", {}, r"inputs is 'a\.png'; give a list of files"),
        (Path("a.png"), "out", {}, "inputs is"),
        (None, "out", {}, "inputs is None"),
        ([], "out", {}, "inputs is empty"),
        ([None], "out", {}, "an input is None"),
        (["a.png"], None, {}, "output is None"),
        (["a.png"], "out", {"overwrite": 1}, "overwrite is 1"),
        (["a.png"], "out", {"compare": None}, "compare is None"),
        (["a.png"], "out", {"progress": "yes"}, "progress is 'yes'"),
        (["a.png"], "out", {"quality": 80.5}, r"quality is 80\.5; give a whole number from 1 to 100"),
        (["a.png"], "out", {"batch_size": 1.5}, r"batch_size is 1\.5"),
    ],
)
def test_ill_typed_arguments_are_told(
    deblurrer: Deblurrer, inputs: Any, output: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        restore_files(deblurrer, inputs, output, **options)


@pytest.mark.parametrize(
    ("options", "message"), [({"suffix": None}, "suffix None"), ({"file_format": 3}, "format is 3")]
)
def test_what_is_no_name_is_told(deblurrer: Deblurrer, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        restore_files(deblurrer, ["a.png"], "out", **options)
