from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import (
    colourful,
)
from udsd.errors import ConfigError
from udsd.images import DeepImage, decode_image, save_image


@pytest.mark.parametrize("ending", [".jpg", ".webp"])
def test_sixteen_bit_colours_in_a_format_of_eight(
    tmp_path: Path, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    save_image(DeepImage(np.full((16, 16, 3), 32896, np.uint16), {}), tmp_path / f"a{ending}")
    with Image.open(tmp_path / f"a{ending}") as image:
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - 128).max() <= 1
    assert "8 bits per channel are written" in caplog.text


def test_another_quality_may_be_asked_for(tmp_path: Path) -> None:
    colourful().save(tmp_path / "a.jpg", quality=30)
    restored = decode_image(tmp_path / "a.jpg")
    sizes = {}
    for quality in (20, 60, 95):
        save_image(restored.encode(restored.pixels), tmp_path / "b.jpg", quality=quality)
        sizes[quality] = (tmp_path / "b.jpg").stat().st_size
    assert sizes[20] < sizes[60] < sizes[95]
    for bad in (0, 101):
        with pytest.raises(ConfigError, match="from 1 to 100"):
            save_image(colourful(), tmp_path / "c.jpg", quality=bad)


@pytest.mark.parametrize(("mode", "kept"), [("L", True), ("RGBA", True), ("P", False)])
def test_tables_and_profile_of_other_colours_are_not_written(mode: str, kept: bool, tmp_path: Path) -> None:
    """A palette becomes colours: the tables and the profile of its indices describe nothing then."""
    image = Image.new(mode, (16, 16))
    image.info |= {"jpeg": {"qtables": {0: [7] * 64}}, "icc_profile": b"a profile"}
    save_image(image, tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as saved:
        assert (set(saved.quantization[0]) == {7}) == kept
        assert ("icc_profile" in saved.info) == kept
