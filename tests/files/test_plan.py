from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from udsd.errors import ImageError
from udsd.files import searches as searches_module
from udsd.files.naming import Naming
from udsd.files.plan import Job, plan_jobs
from udsd.images.mark import mark_file


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

    monkeypatch.setattr(searches_module, "find_files", find)
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


def restored(path: Path) -> Path:
    """A file as an earlier run would have written it."""
    mark_file(touch(path))
    return path


@pytest.mark.parametrize("spelling", ["in/out", "./in/../in/out", "link/out", "{absolute}/in/out", "in/link"])
def test_an_output_folder_inside_the_input_is_not_searched(
    spelling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(Path("in/a.png"))
    touch(Path("in/out/deep/a.png"))
    Path("link").symlink_to("in")
    Path("in/link").symlink_to("out")
    output = Path(spelling.format(absolute=tmp_path))
    for given in ("in", "link", str(tmp_path / "in"), "in/**/*.png", "link/../in"):
        assert [job.source.name for job in plan_jobs([Path(given)], output, Naming())] == ["a.png"]


@pytest.mark.parametrize("given", ["in", "in/*", "in/**/*.png", "."])
def test_results_among_the_inputs_are_told_by_their_mark(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(Path("in/a.png"))
    restored(Path("in/a_sharp.png"))
    restored(Path("in/gone_sharp.png"))
    output = Path("." if given == "." else "in")
    assert targets([tmp_path / given], output.absolute(), Naming("_sharp")) == {
        "a.png": "in/a_sharp.png" if given == "." else "a_sharp.png"
    }


def test_results_among_files_that_are_named(tmp_path: Path) -> None:
    """As a shell names them that expands ``*``."""
    folder = tmp_path / "in"
    source, result = touch(folder / "a.png"), restored(folder / "a_x.png")
    assert targets([source, result], folder, Naming("_x")) == {"a.png": "a_x.png"}
    # Named alone it is what the user wants, and so are all of a folder from which nothing goes back to it.
    assert targets([result], folder, Naming("_x")) == {"a_x.png": "a_x_x.png"}
    assert targets([folder], tmp_path / "elsewhere") == {"a.png": "a.png", "a_x.png": "a_x.png"}


def test_results_in_another_format(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    restored(tmp_path / "a.png")
    naming = Naming(file_format="png")
    assert targets([tmp_path], tmp_path, naming) == {"a.jpg": "a.png"}
    assert targets([tmp_path / "a.jpg", tmp_path / "a.png"], tmp_path, naming) == {"a.jpg": "a.png"}
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(ImageError, match="holds nothing but results; name one"):
        plan_jobs([tmp_path], tmp_path, naming)


@pytest.mark.parametrize("given", [["."], ["*.png"], ["a.png", "a_x.png"], [".", "b"]])
def test_no_input_is_written_over(given: list[str], tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    touch(tmp_path / "a_x.png")
    touch(tmp_path / "b" / "c.png")
    found = targets([tmp_path / name for name in given], tmp_path, Naming("_x"))
    assert "a_x.png is no result but an image to restore itself" in found["a.png"]
    assert found["a_x.png"] == "a_x_x.png"


def test_the_input_around_which_the_output_lies_is_not_written_over(tmp_path: Path) -> None:
    touch(tmp_path / "d" / "a.png")
    touch(tmp_path / "d" / "d" / "a.png")
    jobs = {job.source.parent.name: job for job in plan_jobs([tmp_path / "d"], tmp_path, Naming())}
    refusals = [job.refusal for job in plan_jobs([tmp_path / "d"], tmp_path, Naming()) if job.refusal]
    assert len(jobs) == 1
    assert len(refusals) == 1
    assert "would be replaced by its own result" in refusals[0] or "an image to restore itself" in refusals[0]


def test_names_that_the_output_folder_does_not_tell_apart(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.png")
    touch(tmp_path / "in" / "A.png")
    (tmp_path / "out").mkdir()
    assert set(targets([tmp_path / "in"], tmp_path / "out").values()) == {"a.png", "A.png"}
    # As if the file system knew no case.
    (tmp_path / "OUT").symlink_to("out")
    refusals = [job.refusal for job in plan_jobs([tmp_path / "in"], tmp_path / "out", Naming())]
    assert sorted(bool(refusal) for refusal in refusals) == [False, True]


@pytest.mark.parametrize(
    "bad", ["missing.png", "n" * 300 + ".png", "dangling.png", "loop/x.png", "a.png/b.png", "empty"]
)
def test_one_bad_path_does_not_stop_the_others(bad: str, tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    (tmp_path / "dangling.png").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "empty").mkdir()
    first, second = plan_jobs([tmp_path / bad, tmp_path / "a.png"], tmp_path / "out", Naming())
    assert first.refusal.startswith(str(tmp_path / bad))
    assert second == Job(tmp_path / "a.png", tmp_path / "out" / "a.png")
    with pytest.raises(ImageError):
        plan_jobs([tmp_path / bad], tmp_path / "out", Naming())


def test_a_file_that_is_given_twice_is_restored_once(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    assert len([*plan_jobs([tmp_path / "a.png", tmp_path, tmp_path / "*.png"], tmp_path / "out", Naming())]) == 1
    assert len([*plan_jobs([tmp_path / "a.png"] * 2, tmp_path / "out", Naming())]) == 1


def test_patterns_find_what_a_shell_does(tmp_path: Path) -> None:
    for name in ("scans [2024]/a.png", "scans [2024]/.hidden.png", "scans [2024]/.folder/b.png"):
        touch(tmp_path / name)
    assert targets([tmp_path / "scans [2024]" / "**" / "*.png"], tmp_path / "out") == {"a.png": "a.png"}
    assert targets([tmp_path / "scans [2024]" / ".h*.png"], tmp_path / "out") == {".hidden.png": ".hidden.png"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs permissions that bind")
def test_folders_that_may_not_be_searched(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.png")
    touch(tmp_path / "in" / "locked" / "b.png")
    (tmp_path / "in" / "locked").chmod(0)
    try:
        assert targets([tmp_path / "in"], tmp_path / "out") == {"a.png": "a.png"}
        found = targets([tmp_path / "in" / "locked" / "b.png", tmp_path / "in" / "a.png"], tmp_path / "out")
        assert "cannot be read (Permission denied)" in found["b.png"]
        assert found["a.png"] == "a.png"
    finally:
        (tmp_path / "in" / "locked").chmod(0o755)
