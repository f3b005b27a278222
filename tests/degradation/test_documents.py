from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unfinished import dead_process, leave_unfinished
from udsd.degradation import DocumentConfig, is_held_out, render_documents
from udsd.errors import ConfigError, ImageError

MakePdf = Callable[..., Path]
FIXED = DocumentConfig(dpi=(72, 72))


def dpi_of(path: Path) -> int:
    """The pages of `make_pdf` are one inch wide."""
    with Image.open(path) as page:
        return page.width


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    return tmp_path / "documents"


def test_pages_are_rendered_as_they_look(make_pdf: MakePdf, documents: Path, tmp_path: Path) -> None:
    document = make_pdf(documents / "a.pdf", ["0 0 36 72 re f"])
    (path,) = render_documents([document], tmp_path / "out", FIXED)
    assert path == tmp_path / "out" / "documents-a-p0001.png"
    with Image.open(path) as page:
        assert (page.mode, page.size) == ("RGB", (72, 144))
        pixels = np.asarray(page)
    assert (pixels[74:, :34] == 0).all()  # the black quarter at the lower left
    assert (pixels[:70] == 255).all()
    assert (pixels[:, 38:] == 255).all()


def test_a_tenth_of_the_folders_is_held_out() -> None:
    folders = [f"folder{number}" for number in range(1000)]
    held_out = [name for name in folders if is_held_out(Path("docs") / name / "manual.pdf")]
    assert 70 < len(held_out) < 130
    assert held_out[:3] == ["folder13", "folder22", "folder53"]
    assert is_held_out(Path("elsewhere") / held_out[0] / "other.pdf")


def test_blank_pages_are_left_out(make_pdf: MakePdf, documents: Path, tmp_path: Path) -> None:
    document = make_pdf(documents / "a.pdf", ["0 0 72 72 re f", "", "0 0 1 1 re f", "0 0 72 9 re f"])
    written = render_documents([document], tmp_path / "out", FIXED)
    assert names(written) == ["documents-a-p0001.png", "documents-a-p0004.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names(written)


def test_chosen_pages_are_spread_over_a_document(make_pdf: MakePdf, documents: Path, tmp_path: Path) -> None:
    document = make_pdf(documents / "a.pdf", ["0 0 72 72 re f"] * 7)
    written = render_documents([document], tmp_path / "out", DocumentConfig(dpi=(72, 72), pages_per_document=3))
    assert names(written) == ["documents-a-p0001.png", "documents-a-p0004.png", "documents-a-p0007.png"]


def test_each_page_has_its_own_resolution_within_the_range(make_pdf: MakePdf, documents: Path, tmp_path: Path) -> None:
    document = make_pdf(documents / "a.pdf", ["0 0 72 72 re f"] * 20)
    drawn = [dpi_of(path) for path in render_documents([document], tmp_path / "out", DocumentConfig(dpi=(40, 43)))]
    assert set(drawn) == {40, 41, 42, 43}


def test_a_second_run_writes_the_same_bytes(
    make_pdf: MakePdf, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = make_pdf(documents / "a.pdf", ["0 0 72 72 re f"] * 4)
    first = render_documents([document], tmp_path / "first")
    monkeypatch.chdir(documents)
    again = render_documents([Path("a.pdf")], tmp_path / "again")  # however the file is named
    assert names(first) == names(again)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    other = render_documents([document], tmp_path / "other", DocumentConfig(seed=1))
    assert [dpi_of(path) for path in other] != [dpi_of(path) for path in first]


def test_a_page_does_not_depend_on_the_other_documents(make_pdf: MakePdf, documents: Path, tmp_path: Path) -> None:
    first, second = (make_pdf(documents / name, ["0 0 72 72 re f"] * 3) for name in ("a.pdf", "b.pdf"))
    alone = render_documents([second], tmp_path / "alone")
    together = render_documents([first, second], tmp_path / "together")
    assert names(together)[3:] == names(alone)
    assert [dpi_of(path) for path in together[3:]] == [dpi_of(path) for path in alone]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_worker_processes_give_the_same(make_pdf: MakePdf, documents: Path, tmp_path: Path) -> None:
    given = [make_pdf(documents / name, ["0 0 72 72 re f"] * 2) for name in ("a.pdf", "b.pdf", "c.pdf")]
    one = render_documents(given, tmp_path / "one", FIXED)
    two = render_documents(given, tmp_path / "two", FIXED, processes=2)
    assert names(two) == names(one)
    assert [path.read_bytes() for path in two] == [path.read_bytes() for path in one]


def test_a_document_that_cannot_be_read_is_left_out(
    make_pdf: MakePdf, documents: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sound = make_pdf(documents / "sound.pdf", ["0 0 72 72 re f"])
    broken = documents / "broken.pdf"
    broken.write_bytes(sound.read_bytes()[:60])
    os.mkfifo(documents / "pipe.pdf")
    left_out = [broken, documents / "missing.pdf", documents / "pipe.pdf"]
    written = render_documents([*left_out, sound], tmp_path / "out", FIXED)
    assert names(written) == ["documents-sound-p0001.png"]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
    assert "broken.pdf" in caplog.messages[0]
    assert "missing.pdf" in caplog.messages[1]


def test_a_page_that_cannot_be_read_is_left_out(
    make_pdf: MakePdf, documents: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    document = make_pdf(documents / "a.pdf", ["0 0 72 72 re f"] * 3, missing_page=2)
    written = render_documents([document], tmp_path / "out", FIXED)
    assert names(written) == ["documents-a-p0001.png", "documents-a-p0003.png"]
    (message,) = caplog.messages
    assert "left out page 2 of" in message


def test_no_page_is_written_over_another(make_pdf: MakePdf, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = make_pdf(tmp_path / "one" / "doc" / "a.pdf", ["0 0 72 72 re f"])
    second = make_pdf(tmp_path / "two" / "doc" / "a.pdf", ["0 0 36 72 re f"])
    written = render_documents([first, second, first], tmp_path / "out", FIXED)
    assert names(written) == ["doc-a-p0001.png"]
    (message,) = caplog.messages
    assert message == f"left out {second}: its pages would be named like those of {first}"
    with Image.open(written[0]) as page:
        assert page.getpixel((60, 140)) == (0, 0, 0)


@pytest.mark.parametrize("pages", [[""], []])
def test_no_page_at_all_is_an_error(make_pdf: MakePdf, documents: Path, tmp_path: Path, pages: list[str]) -> None:
    document = make_pdf(documents / "blank.pdf", pages)
    with pytest.raises(ImageError, match=r"no page could be rendered from 1 document"):
        render_documents([document], tmp_path / "out", FIXED)
    assert not (tmp_path / "out").exists()


def test_images_cannot_go_where_a_file_is(make_pdf: MakePdf, documents: Path, tmp_path: Path) -> None:
    document = make_pdf(documents / "a.pdf", ["0 0 72 72 re f"])
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ImageError, match="cannot be written"):
        render_documents([document], tmp_path / "file", FIXED)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="its limit is on whole paths")
def test_a_document_whose_pages_would_have_too_long_names_is_left_out(
    make_pdf: MakePdf, documents: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = make_pdf(documents / f"{'n' * 250}.pdf", ["0 0 72 72 re f"] * 3)
    short = make_pdf(documents / "a.pdf", ["0 0 72 72 re f"])
    assert names(render_documents([long, short], tmp_path / "out", FIXED)) == ["documents-a-p0001.png"]
    (message,) = caplog.messages
    assert message.startswith(f"left out {long}: ")


def test_what_a_killed_run_has_left_is_removed(make_pdf: MakePdf, documents: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    leave_unfinished(out, dead_process())
    written = render_documents([make_pdf(documents / "a.pdf", ["0 0 72 72 re f"])], out, FIXED)
    assert [*out.iterdir()] == written


def test_a_missing_pdf_library_is_named(
    make_pdf: MakePdf, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = make_pdf(documents / "a.pdf", ["0 0 72 72 re f"])
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(ConfigError, match=r"pypdfium2.*pip install .*\"pypdfium2>="):
        render_documents([document], tmp_path / "out", FIXED)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dpi": (160, 110)}, "dpi is 160 to 110"),
        ({"dpi": (10, 110)}, "36 to 1200"),
        ({"dpi": (110, 5000)}, "36 to 1200"),
        ({"pages_per_document": 0}, "pages_per_document is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DocumentConfig(**settings)


def test_settings_may_reach_their_bounds() -> None:
    assert DocumentConfig(dpi=(36, 1200), pages_per_document=1, seed=0).dpi == (36, 1200)
    assert (DocumentConfig().dpi, DocumentConfig().pages_per_document) == ((110, 160), 20)
    for refused in ((35, 100), (100, 1201)):
        with pytest.raises(ConfigError, match="36 to 1200"):
            DocumentConfig(dpi=refused)
    with pytest.raises(FrozenInstanceError):
        FIXED.seed = 1  # type: ignore[misc]
    assert not hasattr(FIXED, "__dict__")


@pytest.mark.parametrize(("part", "kept"), [(0.9, False), (1.1, True)])
def test_a_page_needs_one_pixel_of_ink_in_two_hundred(
    make_pdf: MakePdf, documents: Path, tmp_path: Path, part: float, kept: bool
) -> None:
    height = part * 0.005 * 144  # of a page of 72 x 144 points
    document = make_pdf(documents / "a.pdf", [f"0 0 72 {height} re f", "0 0 72 72 re f"])
    config = DocumentConfig(dpi=(720, 720))
    written = render_documents([document], tmp_path / "out", config)
    assert (names(written)[0] == "documents-a-p0001.png") == kept


def test_a_page_with_just_as_much_ink_as_asked_for_is_kept(make_pdf: MakePdf, documents: Path, tmp_path: Path) -> None:
    document = make_pdf(documents / "a.pdf", ["0 0 72 36 re f"])  # a quarter of the page
    config = DocumentConfig(dpi=(72, 72), minimum_ink=0.25)
    assert names(render_documents([document], tmp_path / "out", config)) == ["documents-a-p0001.png"]


@pytest.mark.parametrize(("grey", "is_ink"), [(127, True), (128, False)])
def test_ink_is_darker_than_the_middle_grey(
    make_pdf: MakePdf, documents: Path, tmp_path: Path, grey: int, is_ink: bool
) -> None:
    document = make_pdf(documents / "a.pdf", [f"{grey / 255} g 0 0 72 72 re f", "0 0 72 72 re f"])
    written = render_documents([document], tmp_path / "out", FIXED)
    assert (names(written)[0] == "documents-a-p0001.png") == is_ink
