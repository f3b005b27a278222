from __future__ import annotations

from pathlib import Path

import numpy as np
import pypdfium2
import pytest

from tests.files.pdf.making import make, picture, plain
from udsd.files.options import ReadOptions
from udsd.files.pdf import PdfSource
from udsd.files.pdf.turning import Turning

EIGHT = [Turning(*(bool(number & bit) for bit in (1, 2, 4))) for number in range(8)]
MATRICES = {
    "upright": "64 0 0 48 0 0",
    "mirrored": "-64 0 0 48 64 0",
    "upside down": "64 0 0 -48 0 48",
    "a quarter turn": "0 64 -48 0 48 0",
    "three quarter turns": "0 -64 48 0 0 64",
    "transposed": "0 64 48 0 0 0",
    "nearly upright": "63 5 -4 47 4 0",
}


@pytest.mark.parametrize("turning", EIGHT)
def test_what_is_turned_upright_goes_back(turning: Turning) -> None:
    array = np.arange(24).reshape(2, 4, 3)
    upright = turning.upright(array)
    assert upright.shape == ((4, 2, 3) if turning.transposes else (2, 4, 3))
    np.testing.assert_array_equal(turning.back(upright), array)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270, -90])
@pytest.mark.parametrize("matrix", MATRICES)
def test_a_network_sees_images_as_a_viewer_shows_them(matrix: str, rotate: int, tmp_path: Path) -> None:
    samples = np.full((48, 64, 1), 200, np.uint8)
    samples[:16, :32] = 20  # the corner that tells the eight apart
    samples[:8, 40:50] = 100
    path = make(tmp_path / "a.pdf", [plain(samples)], matrix=MATRICES[matrix], rotate=rotate)
    (decoded,) = PdfSource(path, ReadOptions())
    ours = ((decoded.pixels[0, 0].numpy() + 1) * 127.5).round()
    document = pypdfium2.PdfDocument(path)
    shown = document[0].render(scale=1).to_numpy()[..., 0].astype(float)
    document.close()
    # The page around is white; crop to what is drawn.
    rows, columns = np.nonzero(shown < 230)
    drawn = shown[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert abs(drawn.shape[0] - ours.shape[0]) <= 6
    assert abs(drawn.shape[1] - ours.shape[1]) <= 6
    height, width = (min(one, other) for one, other in zip(drawn.shape, ours.shape, strict=True))
    assert np.median(np.abs(drawn[:height, :width] - ours[:height, :width])) <= 2
    assert (np.abs(drawn[:height, :width] - ours[:height, :width]) > 60).mean() < 0.25


def test_the_pictures_of_the_eight_differ() -> None:
    array = picture()[..., 0]
    assert len({turning.upright(array).tobytes() for turning in EIGHT}) == 8
