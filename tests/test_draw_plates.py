"""examples/draw_plates.py, which draws the images that the recipe `plate` is trained on."""

from __future__ import annotations

import csv
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, ImageFont, features

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = ("plate_forms", "plate_surroundings", "plate_drawer", "draw_plates")

pytestmark = pytest.mark.skipif(not features.check("freetype2"), reason="this Pillow has no FreeType, so no fonts")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ModuleType]]:
    """The scripts by name, with the font within Pillow as the only one installed: it is there on every machine."""
    folder = tmp_path_factory.mktemp("fonts")
    (folder / "Lato-Heavy.ttf").write_bytes(ImageFont.load_default(10).path.getvalue())  # type: ignore[union-attr]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        found = {name: importlib.import_module(name) for name in NAMES}
        patch.setattr(found["draw_plates"], "FONTS", folder)
        yield found


def draw(modules: dict[str, ModuleType], folder: Path, *, count: int, seed: int = 3) -> dict[str, str]:
    """Run the script; the text of each picture by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["draw_plates", "-o", str(folder), "--count", str(count), "--seed", str(seed)])
        modules["draw_plates"].main()
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        return {row["file"]: row["text"] for row in csv.DictReader(file)}


def test_every_picture_has_its_text_and_a_size_within_bounds(modules: dict[str, ModuleType], tmp_path: Path) -> None:
    texts = draw(modules, tmp_path, count=12)
    assert sorted(texts) == sorted(path.name for path in tmp_path.glob("*.png"))
    assert len(texts) == 12
    for name, text in texts.items():
        assert len(text.replace(" ", "")) >= 4
        assert text.isascii()  # only Latin has a font here
        with Image.open(tmp_path / name) as image:
            assert image.mode == "RGB"
            assert 160 <= image.width <= 480
            assert 128 <= image.height <= 320
            assert np.asarray(image).std() > 1


def test_a_picture_is_a_function_of_the_seed_and_its_number(modules: dict[str, ModuleType], tmp_path: Path) -> None:
    draw(modules, tmp_path / "more", count=3)
    draw(modules, tmp_path / "fewer", count=2)
    draw(modules, tmp_path / "other", count=2, seed=4)
    name = "plate-00001.png"
    assert (tmp_path / "more" / name).read_bytes() == (tmp_path / "fewer" / name).read_bytes()
    assert (tmp_path / "more" / name).read_bytes() != (tmp_path / "other" / name).read_bytes()


def test_every_form_is_drawn_with_its_letters_in_its_ink(modules: dict[str, ModuleType]) -> None:
    """All scripts in one font: its shapes are other ones, but every form's layout is gone through."""
    forms, drawer = modules["plate_forms"], modules["plate_drawer"]
    latin = modules["draw_plates"].find_fonts([modules["draw_plates"].FONTS])["latin"]
    for number, form in enumerate(forms.FORMS):
        random = np.random.default_rng(number)
        lines = forms.write(form, random)
        plate = drawer.PlateDrawer(form, lines, dict.fromkeys(forms.SCRIPTS, latin), 40.0, random)
        mask = plate._letters(0.05 * plate.width, 0.95 * plate.width)
        assert mask.shape == (plate.height, plate.width)
        assert 0.03 < mask.mean() < 0.6
        levels = plate.draw()
        assert levels.shape[2] == 4
        assert np.isfinite(levels).all()
        assert levels[..., 3].max() == 255


def test_the_letters_of_a_line_are_as_tall_as_asked_for(modules: dict[str, ModuleType]) -> None:
    forms, drawer = modules["plate_forms"], modules["plate_drawer"]
    latin = modules["draw_plates"].find_fonts([modules["draw_plates"].FONTS])["latin"]
    form = forms.Form(("HHHH",), 4.7, ((forms.WHITE, forms.BLACK),))
    random = np.random.default_rng(0)
    plate = drawer.PlateDrawer(form, forms.write(form, random), {"latin": latin}, 50.0, random)
    rows = np.flatnonzero(plate._letters(0, plate.width).max(axis=1) > 0.5)
    assert rows[-1] - rows[0] + 1 == pytest.approx(50, abs=2)


def test_a_label_is_what_is_written_without_bars(modules: dict[str, ModuleType]) -> None:
    lines = [[("A", 1.0), ("|", 1.0), ("1", 1.0)], [("横浜", 1.0), (" ", 1.0), ("2", 1.0)]]
    assert modules["plate_forms"].label(lines) == "A 1 横浜 2"


@pytest.mark.parametrize(
    ("sign", "script"),
    [
        *[("A", "latin"), ("Ж", "cyrillic"), ("Ω", "cyrillic"), ("ب", "arabic"), ("۴", "arabic"), ("क", "devanagari")],
        *[("京", "han"), ("ん", "han"), ("가", "han")],
    ],
)
def test_signs_are_set_in_fonts_of_their_script(modules: dict[str, ModuleType], sign: str, script: str) -> None:
    assert modules["plate_forms"].script_of(sign) == script


@pytest.mark.parametrize("kind", ["_bumper", "_grille", "_rear", "_street"])
def test_surroundings_fill_the_picture(modules: dict[str, ModuleType], kind: str) -> None:
    for seed in range(8):
        draw_kind = getattr(modules["plate_surroundings"], kind)
        levels = draw_kind((200, 120), (60.0, 40.0, 140.0, 70.0), np.random.default_rng(seed))
        assert levels.shape == (120, 200, 3)
        assert np.isfinite(levels).all()
        assert levels.std() > 0.5
