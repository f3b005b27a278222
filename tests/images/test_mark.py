from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.pictures import XMP, colourful, deep_pixels, deep_png, srgb_profile, through, turned_exif, with_info
from udsd.images import ImagePages, save_pages
from udsd.images.formats import FORMATS
from udsd.images.mark import is_marked, mark_file

SUFFIXES = [suffix for known in FORMATS if known.by_pillow for suffix in known.suffixes]


def written(folder: Path, suffix: str, image: Image.Image, *, mark: bool) -> Path:
    path = folder / f"{'marked' if mark else 'plain'}{suffix}"
    save_pages([image], path, mark=mark)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "P", "I;16"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_mark_changes_nothing_but_itself(suffix: str, mode: str, tmp_path: Path) -> None:
    image = colourful().convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    image = with_info(image, xmp=XMP, exif=turned_exif(1).tobytes(), dpi=(300.0, 300.0), text={"Software": "Gimp"})
    plain, marked = (written(tmp_path, suffix, image, mark=mark) for mark in (False, True))
    assert not is_marked(plain)
    assert is_marked(marked)
    with Image.open(plain) as one, Image.open(marked) as other:
        one.load()
        other.load()
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
        assert (one.mode, one.format) == (other.mode, other.format)
        beside = {"extension", "background"}  # where in the file a GIF's extension lies
        assert {name: one.info[name] for name in one.info if name not in beside} == {
            name: other.info[name] for name in other.info if name not in beside
        }
        assert dict(one.getexif()) == {tag: value for tag, value in other.getexif().items() if tag != 65000}
    if suffix not in (".gif", ".heic", ".heif", ".avif"):
        np.testing.assert_array_equal(
            cv2.imread(str(plain), cv2.IMREAD_UNCHANGED), cv2.imread(str(marked), cv2.IMREAD_UNCHANGED)
        )


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".png", ".webp", ".avif"])
def test_files_of_several_pages(suffix: str, tmp_path: Path) -> None:
    pages = [colourful().convert("L").point(lambda level, shift=shift: level // shift) for shift in (1, 2, 3)]
    save_pages(pages, tmp_path / f"plain{suffix}")
    save_pages(pages, tmp_path / f"marked{suffix}", mark=True)
    assert is_marked(tmp_path / f"marked{suffix}")
    plain, marked = (ImagePages(tmp_path / f"{name}{suffix}") for name in ("plain", "marked"))
    assert plain.count == marked.count == 3
    for one, other in zip(plain, marked, strict=True):
        assert bool((one.pixels == other.pixels).all())


def test_colours_of_sixteen_bits(tmp_path: Path) -> None:
    (tmp_path / "deep.png").write_bytes(deep_png(deep_pixels()))
    for suffix in (".png", ".tif"):
        path = through(tmp_path / "deep.png", tmp_path / f"out{suffix}")
        mark_file(path)
        assert is_marked(path)
        np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1], deep_pixels())


@pytest.mark.parametrize("options", [{"bigtiff": True}, {"byteorder": ">"}, {"byteorder": "<"}])
def test_every_kind_of_tiff(options: dict[str, object], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", deep_pixels(), photometric="rgb", **options)
    mark_file(tmp_path / "a.tif")
    assert is_marked(tmp_path / "a.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), deep_pixels())


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_a_marked_file_is_restored_like_any_other(suffix: str, tmp_path: Path) -> None:
    image = with_info(colourful(), icc_profile=srgb_profile(), xmp=XMP, exif=turned_exif(1).tobytes())
    path = written(tmp_path, suffix, image, mark=True)
    again = through(path, tmp_path / f"again{suffix}")
    assert not is_marked(again)
    with Image.open(again) as result:
        assert result.info["icc_profile"] == srgb_profile()


@pytest.mark.parametrize(
    "content", [b"", b"II*\0", b"\xff\xd8", b"P6\n", b"BM", b"\x89PNG\r\n\x1a\n", b"GIF8", b"junk" * 20]
)
def test_what_is_no_image_bears_no_mark(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    assert not is_marked(tmp_path / "a.png")
    assert not is_marked(tmp_path / "missing.png")
    assert not is_marked(tmp_path)
