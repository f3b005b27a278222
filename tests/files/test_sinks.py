from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.pictures import colourful, pages_of_tiff
from udsd.errors import ImageError
from udsd.files.options import WriteOptions
from udsd.files.sinks import ImageSink
from udsd.images import ImagePages


@pytest.mark.parametrize("name", ["a.docx", "a"])
def test_names_without_an_image_format_are_refused(name: str) -> None:
    with pytest.raises(ImageError, match="no image format"):
        ImageSink().check(Path(name))
    ImageSink().check(Path("a.tif"))


def test_pages_are_written_as_one_file_and_in_the_quality_asked_for(tmp_path: Path) -> None:
    source = ImagePages(pages_of_tiff(tmp_path))
    ImageSink().write((page.encode(page.pixels) for page in source), tmp_path / "b.tif", source, WriteOptions())
    assert ImagePages(tmp_path / "b.tif").count == 3
    for quality in (20, 90):
        ImageSink().write(iter([colourful()]), tmp_path / f"{quality}.jpg", source, WriteOptions(quality))
    tables = []
    for quality in (20, 90):
        with Image.open(tmp_path / f"{quality}.jpg") as image:
            tables.append(image.quantization[0][0])  # type: ignore[attr-defined]
    assert tables[0] > tables[1]
