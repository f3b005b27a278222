from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from udsd.errors import ConfigError, ImageError
from udsd.evaluation.metrics import Image
from udsd.evaluation.text_strips import TextStrips, find_ink, find_lines, group_lines

PITCH, LETTERS = 20, 14


def page_of_lines(lines: int, *, paper: int = 255, ink: int = 0, width: int = 200) -> Image:
    """A page whose lines are bars of 14 rows every 20 rows, from column 30 to 30 before the right side."""
    page = np.full((40 + PITCH * lines + 40, width, 3), paper, np.uint8)
    for line in range(lines):
        top = 40 + PITCH * line
        page[top : top + LETTERS, 30 : width - 30] = ink
    return page


def save_page(path: Path, page: Image) -> Path:
    PillowImage.fromarray(page).save(path)
    return path


@pytest.fixture
def pages(tmp_path: Path) -> list[Path]:
    return [save_page(tmp_path / f"page{number}.png", page_of_lines(20)) for number in range(4)]


def test_lines_are_found_between_blank_rows() -> None:
    assert find_lines(find_ink(page_of_lines(3))) == [(40, 54), (60, 74), (80, 94)]


def test_an_accent_belongs_to_its_line() -> None:
    page = page_of_lines(2)
    page[36:38, 50:54] = 0  # two blank rows above the first line
    assert find_lines(find_ink(page))[0] == (36, 54)


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (200, 60), (30, 230)])
def test_ink_is_found_on_any_paper(paper: int, ink: int) -> None:
    found = find_ink(page_of_lines(2, paper=paper, ink=ink))
    np.testing.assert_array_equal(found, page_of_lines(2)[..., 0] == 0)


def test_a_blank_page_has_no_lines() -> None:
    assert find_lines(find_ink(np.full((50, 50, 3), 255, np.uint8))) == []


def test_lines_are_grouped_up_to_the_height() -> None:
    lines = [(40, 54), (60, 74), (80, 94), (100, 114)]
    # Cuts lie in the middle of the gaps; the page's own border leaves the whole margin.
    assert group_lines(lines, height=60, margin=8, page_height=130) == [(32, 77), (77, 122)]
    assert group_lines(lines, height=90, margin=8, page_height=116) == [(32, 116)]


def test_a_figure_is_left_out_and_not_crossed() -> None:
    lines = [(10, 24), (30, 200), (210, 224)]
    assert group_lines(lines, height=60, margin=2, page_height=300) == [(8, 26), (208, 226)]


def test_strips_hold_whole_lines_and_the_text_width(pages: list[Path]) -> None:
    strips = TextStrips(height=100, margin=10).all_strips(pages[0])
    assert len(strips) == 4  # five, five, five and again five of the twenty lines
    for strip in strips:
        assert strip.image.shape[0] <= 100
        assert strip.image.shape[1] == 200 - 60 + 2 * 10
        assert {end - start for start, end in find_lines(strip.image[..., 0] == 0)} == {LETTERS}


def test_strips_are_spread_over_the_pages(pages: list[Path]) -> None:
    strips = TextStrips(count=6, height=100, margin=10).cut(pages)
    assert len({strip.name for strip in strips}) == 6
    assert len({strip.name.split("-")[0] for strip in strips[:4]}) == 4


def test_the_choice_depends_on_the_seed_alone(pages: list[Path]) -> None:
    def names(seed: int, given: list[Path]) -> list[str]:
        return [strip.name for strip in TextStrips(count=5, height=100, seed=seed).cut(given)]

    assert names(0, pages) == names(0, pages[::-1])
    assert len({tuple(names(seed, pages)) for seed in range(4)}) > 1


def test_a_page_number_alone_is_no_strip(tmp_path: Path) -> None:
    page = page_of_lines(5)
    page[-10:-2, 95:105] = 0
    strips = TextStrips(height=104, margin=2).all_strips(save_page(tmp_path / "page.png", page))
    assert len(strips) == 1


def test_a_page_that_cannot_be_read_is_left_out(pages: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    pages[1].write_bytes(b"no image")
    strips = TextStrips(count=6, height=100, margin=10).cut(pages)
    assert {strip.name.rpartition("-y")[0] for strip in strips} == {page.stem for page in pages} - {pages[1].stem}
    assert "left out: " in caplog.text


def test_too_few_strips_are_an_error(pages: list[Path]) -> None:
    with pytest.raises(ImageError, match=r"4 page\(s\) hold only 16 strip\(s\) of text, 17 were asked for"):
        TextStrips(count=17, height=100, margin=10).cut(pages)


def test_no_pages_are_an_error() -> None:
    with pytest.raises(ImageError, match="0 page"):
        TextStrips().cut([])


@pytest.mark.parametrize("settings", [{"count": 0}, {"seed": -1}, {"margin": -1}, {"height": 40, "margin": 10}])
def test_settings_out_of_range_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"is -?\d+; give"):
        TextStrips(**settings)
