from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from udsd.errors import ImageError
from udsd.files import compare_file, restore_files
from udsd.files.naming import Naming, name_beside


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with two images, and two in a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "in/a.png", "in/b.png"):
        Image.new("L", (16, 12)).save(tmp_path / name)
    (tmp_path / "notes").write_text("text")
    return tmp_path


def never() -> Any:
    raise AssertionError("the model was loaded")


@pytest.mark.parametrize(
    ("inputs", "output", "options", "message"),
    [
        (["a.png", "b.png"], "x.png", {}, r"x\.png names a file, for a single input; name a folder"),
        (["in"], "x.png", {}, r"x\.png names a file"),
        (["*.png"], "x.PNG", {}, r"x\.PNG names a file"),
        (["missing.png"], "x.png", {}, r"missing\.png: no such file"),
        (["missing.png"], "out", {}, r"missing\.png: no such file"),
        (["a.png"], "x.png", {"file_format": "jpeg"}, r"x\.png is no name of the format 'jpeg'; .* x\.jpeg"),
        (["a.png"], "x.tif", {"file_format": ".png"}, r"x\.tif is no name of the format"),
        (["a.png"], "x.png", {"suffix": "_sharp"}, r"whole name of the result; leave the suffix '_sharp' out"),
        (["a.png"], "notes", {}, "notes is no folder; choose another"),
        (["a.png", "b.png"], "notes/deep", {}, "notes is no folder"),
        (["a.png"], "notes/x.png", {}, "notes is no folder"),
        (["a.png"], "b.png/", {}, r"b\.png is no folder"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_the_model_is_loaded(
    place: Path, inputs: list[str], output: str, options: dict[str, Any], message: str
) -> None:
    before = sorted(place.rglob("*"))
    with pytest.raises(ImageError, match=message):
        restore_files(never, inputs, output, **options)
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize(
    ("output", "result"),
    [
        ("out", "out/a.png"),
        ("out.v2", "out.v2/a.png"),
        ("out.v2/", "out.v2/a.png"),
        ("out.png/", "out.png/a.png"),
        ("x.png", "x.png"),
        ("deep/x.png", "deep/x.png"),
        ("in", None),
    ],
)
def test_what_an_output_means(place: Path, brighter: Any, output: str, result: str | None) -> None:
    report = restore_files(lambda: brighter, ["a.png"], output)
    assert report.restored == ([Path(result)] if result else [])
    assert report.kept == ([] if result else [Path("in/a.png")])
    assert all(path.is_file() for path in report.restored)


def test_a_format_of_another_spelling_is_the_same(place: Path, brighter: Any) -> None:
    assert restore_files(brighter, ["a.png"], "x.jpg", file_format="jpeg").restored == [Path("x.jpg")]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("scans [2024]/*.png", ["p.png"]),
        ("scans [2024]/*.[pj]*g", ["p.png", "q.jpg"]),
        ("scans [[]2024]/*.jpg", ["q.jpg"]),
        ("a*b?/*.png", ["r.png"]),
        ("x[1].png", ["x[1].png"]),
        ("scans [2024]", ["p.png", "q.jpg"]),
    ],
)
def test_names_with_characters_of_patterns(place: Path, brighter: Any, given: str, found: list[str]) -> None:
    for name in ("scans [2024]/p.png", "scans [2024]/q.jpg", "a*b?/r.png", "x[1].png", "x1.png"):
        (place / name).parent.mkdir(exist_ok=True)
        Image.new("L", (16, 12)).save(place / name)
    report = restore_files(brighter, [given], "out")
    assert sorted(path.name for path in report.restored) == found


def test_a_name_beside_its_input() -> None:
    assert name_beside(Path("d/a.JPG"), Naming(), "_restored") == Path("d/a_restored.JPG")
    assert name_beside(Path("d/a.jpg"), Naming("_s", "png"), "_restored") == Path("d/a_s.png")
    with pytest.raises(ImageError, match=r"ending '\.dat'"):
        name_beside(Path("a.dat"), Naming(), "_restored")


def test_a_comparison_goes_into_a_folder_and_is_kept_if_told(place: Path, brighter: Any) -> None:
    for output in ("new/", "in/", "in"):
        result = compare_file(brighter, "a.png", output)
        assert result.target == Path(output) / "a.png"
        assert result.status == "restored"
    written = (place / "in" / "a.png").stat().st_mtime_ns
    assert compare_file(never, "a.png", "in", overwrite=False).status == "kept"
    assert (place / "in" / "a.png").stat().st_mtime_ns == written
    with pytest.raises(ImageError, match="replaced by its own picture"):
        compare_file(never, "a.png", "./")
    with pytest.raises(ImageError, match="without an ending"):
        compare_file(never, "a.png", "both")
