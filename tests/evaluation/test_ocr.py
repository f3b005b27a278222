from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from tests.typesetting import needs_tesseract, typeset
from udsd.errors import ConfigError
from udsd.evaluation.ocr import character_error_rate, character_errors, enlarged_png, normalise_text, recognise_text


@pytest.mark.parametrize(
    ("recognised", "reference", "errors"),
    [("kitten", "sitting", 3), ("abc", "abc", 0), ("", "abcd", 4), ("abXc", "abc", 1), ("ab", "ba", 2)],
)
def test_errors_of_known_texts(recognised: str, reference: str, errors: int) -> None:
    assert character_errors(recognised, reference) == errors
    assert character_error_rate(recognised, reference) == pytest.approx(errors / len(reference))


def test_rate_exceeds_one_when_text_is_added() -> None:
    assert character_error_rate("abcdef", "ab") == pytest.approx(2)


def test_runs_of_white_space_count_as_one_space() -> None:
    assert normalise_text("\n one \t two\r\n\nthree ") == "one two three"
    assert character_error_rate("one\n two", " one two\n") == 0


def test_an_empty_reference_is_refused() -> None:
    with pytest.raises(ConfigError, match="reference text is empty"):
        character_error_rate("abc", " \n")


def test_missing_tesseract_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt-get install tesseract-ocr"):
        recognise_text(np.full((20, 20, 3), 255, np.uint8))


@needs_tesseract
def test_missing_language_data_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    with pytest.raises(ConfigError, match=r"tesseract failed \(.*eng.*\); install it with its English data") as caught:
        recognise_text(np.full((20, 20, 3), 255, np.uint8))
    assert "\n" not in str(caught.value)


@needs_tesseract
def test_clear_text_is_read() -> None:
    text = "The quick brown fox jumps\nover the lazy dog"
    assert character_error_rate(recognise_text(typeset(text, (280, 60))), text) < 0.05


@needs_tesseract
def test_grey_images_are_read() -> None:
    image = typeset("Hello grey world", (180, 34))[..., 0]
    assert normalise_text(recognise_text(image)) == "Hello grey world"


@needs_tesseract
def test_a_blank_image_has_no_text() -> None:
    assert normalise_text(recognise_text(np.full((40, 80, 3), 255, np.uint8))) == ""


def test_enlarged_png_has_a_white_border() -> None:
    with PillowImage.open(io.BytesIO(enlarged_png(np.zeros((10, 15), np.uint8), 2, 20))) as picture:
        pixels = np.array(picture)
    assert pixels.shape == (20 + 40, 30 + 40)
    assert (pixels[20:40, 20:50] == 0).all()
    pixels[20:40, 20:50] = 255
    assert (pixels == 255).all()


@needs_tesseract
def test_missing_data_of_another_language_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    with pytest.raises(ConfigError, match=r"tesseract failed \(.*chi_sim.*apt-get install tesseract-ocr-chi-sim;"):
        recognise_text(np.full((20, 20, 3), 255, np.uint8), "chi_sim")


def test_spaces_do_not_count_in_scripts_that_have_none() -> None:
    assert normalise_text(" 模 糊\n的 ", "chi_sim") == "模糊的"
    assert character_error_rate("模 糊\n圆", "模糊的", "chi_sim") == pytest.approx(1 / 3)
    assert character_error_rate("模 糊", "模糊") == pytest.approx(1 / 2)
