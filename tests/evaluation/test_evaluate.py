from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from tests.typesetting import needs_tesseract, typeset
from udsd.errors import ConfigError, ImageError
from udsd.evaluation.evaluate import evaluate
from udsd.evaluation.metrics import Image, psnr
from udsd.evaluation.pairs import EvaluationPair
from udsd.evaluation.vgg import VGG19Features


def pair(number: int, strength: str = "10-20", difference: int = 10, side: int = 24) -> EvaluationPair:
    sharp = np.random.default_rng(number).integers(50, 200, (side, side, 3), dtype=np.uint8)
    return EvaluationPair(f"image{number}", sharp, sharp + np.uint8(difference), strength)


def same(image: Image) -> Image:
    return image


def test_every_method_is_scored_beside_the_input() -> None:
    pairs = [pair(0), pair(1, "20-40", difference=20)]
    report = evaluate(pairs, {"fixed": lambda image: image - np.uint8(9)}, ocr=False, vgg=None)
    assert [(score.name, score.method) for score in report.scores] == [
        ("image0", "blurred"),
        ("image0", "fixed"),
        ("image1", "blurred"),
        ("image1", "fixed"),
    ]
    overall = report.mean_scores()
    assert overall["blurred"].color_error == pytest.approx(15)
    assert overall["fixed"].color_error == pytest.approx((1 + 11) / 2)
    assert report.mean_scores("10-20")["fixed"].psnr == pytest.approx(20 * np.log10(255))
    assert overall["blurred"].character_error_rate is None


def test_inverted_and_collapsed_outputs_are_counted() -> None:
    methods = {"negative": lambda image: 255 - image, "flat": lambda image: np.full_like(image, 128)}
    overall = evaluate([pair(0), pair(1)], methods, ocr=False, vgg=None).mean_scores()
    counts = {name: (mean.inverted, mean.collapsed) for name, mean in overall.items()}
    assert counts == {"blurred": (0, 0), "negative": (2, 0), "flat": (0, 2)}


def test_vgg_distance_is_relative_to_the_input() -> None:
    torch.manual_seed(0)
    sharp = pair(0).sharp
    methods = {"perfect": lambda _: sharp, "same": same}
    report = evaluate([pair(0)], methods, ocr=False, vgg=VGG19Features(feature_scale=100.0))
    assert [score.vgg_distance for score in report.scores] == [pytest.approx(1), 0, pytest.approx(1)]


def test_vgg_distance_of_an_unblurred_pair_is_left_out() -> None:
    report = evaluate([pair(0, difference=0)], {"same": same}, ocr=False, vgg=VGG19Features())
    assert report.mean_scores()["same"].vgg_distance is None


def test_a_method_cannot_change_its_input() -> None:
    def destructive(image: Image) -> Image:
        image[:] = 0
        return image

    given = pair(0)
    report = evaluate([given], {"destructive": destructive, "same": same}, ocr=False, vgg=None)
    assert report.mean_scores()["same"].psnr == pytest.approx(psnr(given.blurred, given.sharp))


def test_examples_span_the_gains_from_worst_to_best() -> None:
    gains = iter([3, 9, 1, 7, 5, 0, 8, 2, 6, 4, 10, 9])
    methods = {"nearer": lambda image: image - np.uint8(next(gains))}
    report = evaluate([pair(number, difference=12) for number in range(12)], methods, ocr=False, vgg=None)
    names = [example.scores[0].name for example in report.examples]
    assert len(names) == len(set(names)) == 8
    assert (names[0], names[-1]) == ("image5", "image10")
    found = [example.gain for example in report.examples]
    assert found == sorted(found)


def test_contact_sheet_shows_examples_by_columns(tmp_path: Path) -> None:
    report = evaluate([pair(0), pair(1)], {"same": same}, ocr=False, vgg=None)
    report.contact_sheet(tmp_path / "sheet.png")
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    with PillowImage.open(tmp_path / "sheet.png") as sheet:
        pixels = np.array(sheet.convert("RGB"))
    corners = [
        (row, column)
        for row in range(pixels.shape[0] - 23)
        for column in range(pixels.shape[1] - 23)
        if (pixels[row, column] == report.examples[0].sharp[0, 0]).all()
        and (pixels[row : row + 24, column : column + 24] == report.examples[0].sharp).all()
    ]
    assert len(corners) == 1
    # The sharp image is in the last of three equally wide columns, in the upper of two rows.
    height, width = pixels.shape[:2]
    assert corners[0][0] + 24 < height / 2 + 8
    assert corners[0][1] > width * 2 / 3 - 8
    assert height > 2 * 24
    assert width > 3 * 24


def test_methods_may_be_none() -> None:
    report = evaluate([pair(0)], {}, ocr=False, vgg=None)
    assert list(report.mean_scores()) == ["blurred"]
    assert report.examples[0].gain == 0


@pytest.mark.parametrize("name", ["blurred", "sharp"])
def test_names_of_the_images_are_taken(name: str) -> None:
    with pytest.raises(ConfigError, match=f"named {name}"):
        evaluate([pair(0)], {name: same}, ocr=False, vgg=None)


def test_no_pairs_are_an_error() -> None:
    with pytest.raises(ImageError, match="no pairs"):
        evaluate([], {"same": same}, ocr=False, vgg=None)


def test_an_output_of_another_shape_names_method_and_image() -> None:
    with pytest.raises(ImageError, match="image0: method cut and the sharp image"):
        evaluate([pair(0)], {"cut": lambda image: image[1:]}, ocr=False, vgg=None)


def test_missing_tesseract_stops_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Image) -> Image:
        raise AssertionError

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="tesseract was not found"):
        evaluate([pair(0)], {"never": never}, ocr=True, vgg=None)


def text_pair(text: str | None, shown: str = "Readable words") -> EvaluationPair:
    sharp = typeset(shown, (180, 34))
    return EvaluationPair("page", sharp, np.full_like(sharp, 255), "40-60", text)


@needs_tesseract
def test_ocr_of_the_sharp_image_is_the_default_reference() -> None:
    given = text_pair(None)
    report = evaluate([given], {"perfect": lambda _: given.sharp}, ocr=True, vgg=None)
    overall = report.mean_scores()
    assert overall["perfect"].character_error_rate == 0
    assert overall["blurred"].character_error_rate == 1  # nothing left to read
    assert "sharp" not in overall
    assert "OCR of the sharp image" in report.to_markdown()


@needs_tesseract
def test_given_text_scores_the_sharp_image_too() -> None:
    report = evaluate([text_pair("Readable  wordy\n")], {}, ocr=True, vgg=None)
    text = {score.method: score.text for score in report.scores}["sharp"]
    assert text is not None
    assert (text.errors, text.characters, text.reference) == (1, 14, "text")


@needs_tesseract
def test_an_image_without_text_has_no_error_rate() -> None:
    assert evaluate([text_pair(None, shown="")], {}, ocr=True, vgg=None).scores[0].text is None


@needs_tesseract
def test_the_language_of_a_pair_is_what_is_read() -> None:
    sharp = typeset("Readable words", (180, 34))
    pair = EvaluationPair("page", sharp, sharp, "40-60", "Readable words", language="nowhere")
    with pytest.raises(ConfigError, match=r"nowhere.*tesseract-ocr-nowhere"):
        evaluate([pair], {}, ocr=True, vgg=None)
