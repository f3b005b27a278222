from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, JpegImagePlugin
from PIL.PngImagePlugin import PngInfo

from tests.metadata_files import IPTC, jpeg_with, png_with, sideways
from tests.pictures import (
    XMP,
    colourful,
    identity,
    opened,
    through,
    with_info,
)
from udsd.images import save_image
from udsd.images.metadata import photoshop, save_arguments


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif", ".webp", ".avif"])
def test_xmp_is_carried(tmp_path: Path, ending: str) -> None:
    save_image(with_info(colourful(), xmp=XMP), tmp_path / f"a{ending}")
    with Image.open(through(tmp_path / f"a{ending}", tmp_path / f"b{ending}")) as image:
        assert image.info["xmp"] == XMP


def test_text_of_a_png_is_carried(tmp_path: Path) -> None:
    chunks = PngInfo()
    chunks.add_text("Title", "Ledger, page 7")
    chunks.add_itxt("Author", "Señora Ñ", lang="es")
    colourful().save(tmp_path / "a.png", pnginfo=chunks)
    with Image.open(through(tmp_path / "a.png", tmp_path / "b.png")) as image:
        assert image.text == {"Title": "Ledger, page 7", "Author": "Señora Ñ"}


@pytest.mark.parametrize(("quality", "subsampling"), [(30, 2), (75, 1), (92, 0)])
def test_a_jpeg_keeps_its_quality_and_subsampling(tmp_path: Path, quality: int, subsampling: int) -> None:
    colourful().save(tmp_path / "a.jpg", quality=quality, subsampling=subsampling)
    with Image.open(tmp_path / "a.jpg") as first, Image.open(through(tmp_path / "a.jpg", tmp_path / "b.jpg")) as second:
        assert isinstance(first, JpegImagePlugin.JpegImageFile)
        assert isinstance(second, JpegImagePlugin.JpegImageFile)
        assert second.quantization == first.quantization
        assert JpegImagePlugin.get_sampling(second) == subsampling


def test_a_grey_jpeg_keeps_its_tables(tmp_path: Path) -> None:
    colourful().convert("L").save(tmp_path / "a.jpg", quality=40)
    with Image.open(tmp_path / "a.jpg") as first, Image.open(through(tmp_path / "a.jpg", tmp_path / "b.jpg")) as second:
        assert second.mode == "L"
        assert second.quantization == first.quantization  # type: ignore[attr-defined]


def test_a_wide_gamut_photo_keeps_its_profile_and_so_its_colours(tmp_path: Path) -> None:
    """Pixels stay in the space that the profile names: what is seen is the same."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()  # any that is not sRGB
    colourful().save(tmp_path / "a.png", icc_profile=profile)
    with Image.open(through(tmp_path / "a.png", tmp_path / "b.png")) as image:
        assert image.info["icc_profile"] == profile
        np.testing.assert_array_equal(np.asarray(image), np.asarray(colourful()))


def test_a_format_is_given_only_what_it_can_hold() -> None:
    info = {
        "dpi": (300.0, 300.0),
        "xmp": XMP,
        "photoshop": b"8BIM\4\4\0\0\0\0\0\0",
        "comment": b"Ledger",
        "jpeg": {"qtables": {0: [1] * 64}},
        "compression": "tiff_lzw",
        "duration": 100,
        "loop": 0,
    }
    expected = {
        "PNG": {"dpi", "duration", "loop"},
        "JPEG": {"dpi", "qtables", "extra", "comment"},
        "TIFF": {"dpi"},
        "GIF": {"duration", "loop", "comment"},
        "WEBP": {"duration", "loop", "xmp", "exif"},  # which has the resolution
        "BMP": {"dpi"},
    }
    assert {name: set(save_arguments(name, info, "a")) for name in expected} == expected


@pytest.mark.parametrize("target", [".jpg", ".png", ".tif", ".webp", ".gif", ".bmp"])
def test_images_that_pillow_has_opened_can_be_saved_as_they_are(target: str, tmp_path: Path) -> None:
    """Pillow uses some of the names in ``info`` for other things than we do."""
    resources = b"Photoshop 3.0\0" + photoshop.with_iptc(b"", IPTC)
    sources = [jpeg_with(tmp_path / "a.jpg", (0xED, resources)), png_with(tmp_path / "b.png", (b"tEXt", b"a\0b"))]
    for ending in (".tif", ".bmp", ".gif"):
        sideways().save(tmp_path / f"c{ending}")
        sources.append(tmp_path / f"c{ending}")
    for source in sources:
        with Image.open(source) as image:
            image.info |= {"dpi": (0, 1e9), "comment": "as text"}
            save_image(image, tmp_path / f"out{target}")
            save_image(identity(image), tmp_path / f"out{target}")
        assert opened(tmp_path / f"out{target}").size == sideways().size
