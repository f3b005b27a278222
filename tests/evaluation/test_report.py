from __future__ import annotations

import json

import pytest

from udsd.evaluation.report import EvaluationReport, ImageScores, MeanScores, TextScores


def scores(
    name: str = "a",
    strength: str = "10-20",
    method: str = "blurred",
    *,
    psnr: float = 20.0,
    inverted: bool = False,
    text: TextScores | None = None,
    vgg_distance: float | None = None,
) -> ImageScores:
    return ImageScores(
        name=name,
        strength=strength,
        method=method,
        psnr=psnr,
        shift_tolerant_psnr=psnr + 1,
        ssim=0.5,
        color_error=2.0,
        correlation=0.9,
        inverted=inverted,
        collapsed=False,
        text=text,
        vgg_distance=vgg_distance,
    )


def test_means_and_counts() -> None:
    mean = MeanScores.over([scores(psnr=20.0, vgg_distance=0.5), scores(psnr=23.0, inverted=True, vgg_distance=1.0)])
    assert (mean.images, mean.inverted, mean.collapsed) == (2, 1, 0)
    assert mean.psnr == pytest.approx(21.5)
    assert mean.shift_tolerant_psnr == pytest.approx(22.5)
    assert mean.vgg_distance == pytest.approx(0.75)
    assert mean.character_error_rate is None


def test_error_rate_over_all_characters_and_mean_over_images() -> None:
    texts = [TextScores(10, 100, "ocr"), TextScores(5, 10, "ocr"), None]
    mean = MeanScores.over([scores(text=text) for text in texts])
    assert mean.character_error_rate == pytest.approx(15 / 110)
    assert mean.mean_character_error_rate == pytest.approx(0.3)
    assert mean.images == 3


def test_means_are_taken_by_method_and_strength() -> None:
    report = EvaluationReport(
        [
            scores("a", "10-20", "blurred", psnr=20.0),
            scores("a", "10-20", "net", psnr=24.0),
            scores("b", "5-10", "blurred", psnr=30.0),
            scores("b", "5-10", "net", psnr=32.0),
        ],
        [],
    )
    assert report.strengths == ["5-10", "10-20"]
    assert {method: mean.psnr for method, mean in report.mean_scores().items()} == {"blurred": 25.0, "net": 28.0}
    assert report.mean_scores("10-20")["net"].psnr == 24.0


def test_json_holds_means_and_every_image() -> None:
    text = TextScores(1, 10, "text")
    content = json.loads(EvaluationReport([scores(text=text, psnr=100.0)], []).to_json())
    assert content["overall"]["blurred"]["character_error_rate"] == pytest.approx(0.1)
    assert content["by_strength"]["10-20"]["blurred"]["psnr"] == 100.0
    assert content["images"][0]["text"] == {"errors": 1, "characters": 10, "reference": "text"}
    assert content["images"][0]["vgg_distance"] is None


def test_table_has_only_the_columns_that_were_measured() -> None:
    lines = EvaluationReport([scores(), scores("b", "20|40")], []).to_markdown().splitlines()
    assert lines[0] == (
        "| blur | method | images | PSNR, dB | PSNR at best shift, dB | SSIM "
        "| colour error of 255 | inverted | collapsed |"
    )
    assert lines[2] == "| all | blurred | 2 | 20.00 | 21.00 | 0.500 | 2.00 | 0 | 0 |"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| all", "| 10-20", r"| 20\|40"]


def test_table_of_one_strength_has_no_second_part() -> None:
    text = TextScores(1, 4, "ocr")
    table = EvaluationReport([scores(text=text, vgg_distance=0.5)], []).to_markdown()
    assert "| CER | mean CER | relative d_VGG |" in table
    assert "| 0.250 | 0.250 | 0.500 |" in table
    assert len([line for line in table.splitlines() if line.startswith("|")]) == 3
    assert "against OCR of the sharp image" in table
