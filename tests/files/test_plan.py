from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from udsd.errors import ImageError
from udsd.files import plan as plan_module
from udsd.files.plan import Naming, plan_jobs


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4)).save(path)
    return path


def targets(inputs: list[Path], output: Path, naming: Naming | None = None) -> dict[str, str]:
    jobs = list(plan_jobs(inputs, output, naming or Naming()))
    return {job.source.name: job.refusal or job.target.relative_to(output).as_posix() for job in jobs}


def test_a_pattern_keeps_the_places_below_its_fixed_part(tmp_path: Path) -> None:
    for name in ("a.png", "x/b.png", "x/y/c.png", "x/d.jpg"):
        touch(tmp_path / "in" / name)
    out = tmp_path / "out"
    assert targets([tmp_path / "in" / "**" / "*.png"], out) == {
        "a.png": "a.png",
        "b.png": "x/b.png",
        "c.png": "x/y/c.png",
    }
    assert targets([tmp_path / "in" / "x" / "*"], out) == {"b.png": "b.png", "d.jpg": "d.jpg"}


def test_a_pattern_without_matches_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"\*\.tif holds no images"):
        plan_jobs([tmp_path / "*.tif"], tmp_path / "out", Naming())


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a[1].png")
    assert targets([tmp_path / "in" / "a[1].png"], tmp_path / "out") == {"a[1].png": "a[1].png"}


def test_work_begins_with_the_first_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = []

    def find(folder: Path, suffixes: object) -> object:
        for index in range(10_000):
            listed.append(index)
            yield folder / f"{index}.png"

    monkeypatch.setattr(plan_module, "find_files", find)
    (tmp_path / "in").mkdir()
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "out", Naming())
    assert next(jobs).source.name == "0.png"
    assert len(listed) <= 2


def test_two_files_of_folders_that_would_give_one_result(tmp_path: Path) -> None:
    first = touch(tmp_path / "in" / "a.jpg")
    second = touch(tmp_path / "in" / "a.png")
    found = targets([tmp_path / "in"], tmp_path / "out", Naming(file_format="tif"))
    assert found["a.jpg"] == "a.tif"
    assert found["a.png"] == f"{second}: {tmp_path / 'out' / 'a.tif'} is the result of {first} already"


def test_a_link_in_the_output_folder_leads_nowhere_else(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "deep" / "a.png")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").symlink_to(tmp_path / "elsewhere")
    assert "leads out of" in targets([tmp_path / "in"], tmp_path / "out")["a.png"]


def test_an_output_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "deep" / "a.png")
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    assert targets([tmp_path / "in"], tmp_path / "out") == {"a.png": "deep/a.png"}


def test_a_linked_file_is_not_replaced_by_its_own_result(tmp_path: Path) -> None:
    touch(tmp_path / "out" / "a.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").symlink_to(tmp_path / "out" / "a.png")
    assert "its own result" in targets([tmp_path / "in"], tmp_path / "out")["a.png"]
