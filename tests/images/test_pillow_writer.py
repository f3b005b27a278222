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
