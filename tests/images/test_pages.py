from __future__ import annotations

import gc
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pictures import (
    MAKER,
    ORIENTATION,
    colourful,
    pages_of_tiff,
    through,
    turned_exif,
)
from udsd.errors import ImageError
from udsd.images import DecodedImage, ImagePages, Page, decode_image, read_size, save_pages
from udsd.images import pages as pages_module


def frames() -> list[Image.Image]:
    return [colourful().rotate(90 * index) for index in range(3)]


@pytest.mark.parametrize(("ending", "exact"), [(".gif", False), (".png", True), (".webp", False)])
def test_every_frame_of_an_animation_is_there(tmp_path: Path, ending: str, exact: bool) -> None:
    source = tmp_path / f"a{ending}"
    first, *others = frames()
    first.save(source, save_all=True, append_images=others, duration=[100, 200, 300], loop=0)
    with Image.open(through(source, tmp_path / f"b{ending}")) as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]
        assert image.info["loop"] == 0
        for index, frame in enumerate(frames()):
            image.seek(index)
            image.load()
            assert image.info["duration"] == 100 * (index + 1)
            difference = np.abs(np.asarray(image.convert("RGB")).astype(int) - np.asarray(frame))
            assert difference.mean() < (1e-9 if exact else 8)


def test_of_many_pages_one_fits_into_a_format_of_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    through(pages_of_tiff(tmp_path), tmp_path / "out.jpg")
    assert "holds one image only" in caplog.text
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.size == (48, 32)


def test_a_broken_page_leaves_no_file(tmp_path: Path) -> None:
    source = pages_of_tiff(tmp_path)
    source.write_bytes(source.read_bytes()[:-4000])
    with pytest.raises(ImageError, match=str(source)):
        through(source, tmp_path / "out.tif")
    assert [path.name for path in tmp_path.iterdir()] == ["pages.tif"]


def test_a_bomb_among_the_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = Image.new("L", (8, 8)), Image.new("L", (80, 80))
    small.save(tmp_path / "a.tif", save_all=True, append_images=[large])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageError, match="more than the 1,000 pixels"):
        through(tmp_path / "a.tif", tmp_path / "b.tif")


def test_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="nothing to write"):
        save_pages([], tmp_path / "a.png")


def heif(image: Image.Image, path: Path) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    image.save(path, quality=95, exif=turned_exif().tobytes())


def test_heic_is_read_and_written(tmp_path: Path) -> None:
    heif(colourful(), tmp_path / "a.heic")
    with Image.open(through(tmp_path / "a.heic", tmp_path / "b.heic")) as image:
        assert image.format == "HEIF"
        assert image.getexif()[MAKER] == "Box"
        assert sorted(image.size) == [32, 48]
        assert image.getexif().get(ORIENTATION, 1) == 1


def test_what_is_known_before_a_page_is_decoded(tmp_path: Path) -> None:
    with ImagePages(pages_of_tiff(tmp_path)) as pages:
        assert (pages.count, pages.pixel_count, pages.path) == (3, 48 * 32, tmp_path / "pages.tif")
    assert read_size(tmp_path / "pages.tif") == (48, 32)


def test_pages_come_in_any_order_and_again(tmp_path: Path) -> None:
    first, *others = frames()
    first.save(tmp_path / "a.gif", save_all=True, append_images=others)
    for path in (pages_of_tiff(tmp_path), tmp_path / "a.gif"):
        with ImagePages(path) as pages:
            forwards = [page.pixels for page in pages]
            backwards = [pages.read(index).pixels for index in (2, 1, 0)]
        for one, same in zip(forwards, reversed(backwards), strict=True):
            torch.testing.assert_close(one, same, rtol=0, atol=0)


def test_the_previews_in_the_file_of_a_telephone_are_no_pages(tmp_path: Path) -> None:
    colourful().save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[colourful((9, 9))])
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
    (page,) = ImagePages(tmp_path / "a.jpg")
    assert page.pixels.shape == (1, 3, 32, 48)


def opened_below(folder: Path) -> list[str]:
    links = (entry.readlink() for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink())
    return [link.name for link in links if link.is_relative_to(folder)]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc here")
def test_a_file_is_closed_at_the_end_of_its_block_or_with_its_last_holder(tmp_path: Path) -> None:
    source = pages_of_tiff(tmp_path)
    with ImagePages(source) as pages:
        held = [*pages]
        assert opened_below(tmp_path) == ["pages.tif"]
    assert opened_below(tmp_path) == []
    held += ImagePages(source)
    gc.collect()
    assert len(held) == 6
    assert opened_below(tmp_path) == []
    source.write_bytes(b"no image")
    with pytest.raises(ImageError):
        ImagePages(source)
    assert opened_below(tmp_path) == []


def test_a_family_reads_what_it_knows_and_leaves_the_rest_to_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FlatReader:
        """Files that begin with FLAT: as many grey pixels as the byte behind it says."""

        count = 1

        def __init__(self, side: int) -> None:
            self.size = (side, side)

        def read(self, index: int) -> DecodedImage[Page]:
            return decode_image(Image.new("L", self.size))

        def check_all(self) -> None:
            pass

        def close(self) -> None:
            closed.append(self.size)

    def open_flat(file: BinaryIO, path: Path) -> FlatReader | None:
        return FlatReader(file.read(1)[0]) if file.read(4) == b"FLAT" else None

    closed: list[tuple[int, int]] = []
    monkeypatch.setattr(pages_module, "_READERS", (open_flat, *pages_module._READERS))
    (tmp_path / "a.flat").write_bytes(b"FLAT\x03")
    colourful().save(tmp_path / "b.png")
    assert decode_image(tmp_path / "a.flat").pixels.shape == (1, 3, 3, 3)
    assert closed == [(3, 3)]
    assert decode_image(tmp_path / "b.png").pixels.shape == (1, 3, 32, 48)
