from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL import __version__ as pillow_version
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from tests.pictures import srgb_profile
from udsd.errors import ImageError, MemoryLimitError
from udsd.images import Page, decode_image, save_image, save_pages, saving
from udsd.images.families import Destination, PageWriter
from udsd.images.formats import ImageFormat

ENDINGS = [".png", ".jpg", ".JPEG", ".tif", ".webp", ".bmp", ".ppm", ".gif", ".jp2"]


def gradient(mode: str) -> Image.Image:
    ramp = np.linspace(0, 65535, 32 * 24).reshape(24, 32)
    if mode == "I;16":
        return Image.fromarray(ramp.astype(np.uint16))
    grey = Image.fromarray((ramp / 257).astype(np.uint8))
    return Image.merge(mode, [grey] * len(Image.new(mode, (1, 1)).getbands())) if mode != "P" else grey.convert("P")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "P", "CMYK"])
def test_every_mode_into_every_format(mode: str, ending: str, tmp_path: Path) -> None:
    if (mode, ending) == ("I;16", ".ppm") and pillow_version.startswith("10."):
        pytest.skip("this Pillow writes no 16-bit PGM")
    path = tmp_path / "new" / "folder" / f"image{ending}"
    save_image(gradient(mode), path)
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    with Image.open(path) as written:
        assert written.size == (32, 24)
        written.load()


def test_ending_decides_the_format(tmp_path: Path) -> None:
    for ending, name in ((".JPEG", "JPEG"), (".tiff", "TIFF"), (".Png", "PNG")):
        save_image(gradient("RGB"), tmp_path / f"image{ending}")
        with Image.open(tmp_path / f"image{ending}") as written:
            assert written.format == name


def test_jpeg_keeps_full_colour_resolution(tmp_path: Path) -> None:
    save_image(gradient("RGB"), tmp_path / "photo.jpg")
    with Image.open(tmp_path / "photo.jpg") as written:
        assert isinstance(written, JpegImageFile)
        assert get_sampling(written) == 0
        assert max(written.quantization[0]) <= 12


def test_alpha_into_jpeg_goes_over_white(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    image = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 8, 16))
    save_image(image, tmp_path / "cut.jpg")
    with Image.open(tmp_path / "cut.jpg") as written:
        assert written.mode == "RGB"
        pixels = np.asarray(written).astype(int)
    np.testing.assert_allclose(pixels[8, 2], (255, 0, 0), atol=4)
    np.testing.assert_allclose(pixels[8, 13], (255, 255, 255), atol=4)
    assert "no transparency" in caplog.text
    assert "cut.jpg" in caplog.text


def test_sixteen_bits_into_jpeg(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_image(Image.fromarray(np.full((16, 16), 51400, np.uint16)), tmp_path / "scan.jpg")
    with Image.open(tmp_path / "scan.jpg") as written:
        assert written.mode == "L"
        np.testing.assert_allclose(np.asarray(written).astype(int), 200, atol=1)
    assert "16" in caplog.text


def test_lossless_formats_log_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for mode in ("L", "RGB", "RGBA", "I;16"):
        save_image(gradient(mode), tmp_path / f"{mode}.png")
    assert caplog.records == []


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif", ".webp"])
def test_profile_resolution_and_exif_are_written(ending: str, tmp_path: Path) -> None:
    image = gradient("RGB")
    exif = Image.Exif()
    exif[0x010F] = "Leica"
    profile = srgb_profile()
    image.info.update(icc_profile=profile, dpi=(300.0, 150.0), exif=exif.tobytes())
    path = tmp_path / f"photo{ending}"
    save_image(image, path)
    with Image.open(path) as written:
        assert written.info["icc_profile"] == profile
        assert written.getexif()[0x010F] == "Leica"
        if ending != ".webp":
            np.testing.assert_allclose([float(value) for value in written.info["dpi"]], (300, 150), atol=0.1)


def test_camera_to_file_and_back(tmp_path: Path) -> None:
    """What a photograph carries survives decoding, encoding and writing."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Leica"
    gradient("RGB").save(tmp_path / "photo.jpg", exif=exif, dpi=(240, 240))
    decoded = decode_image(tmp_path / "photo.jpg")
    save_image(decoded.encode(decoded.pixels), tmp_path / "restored.jpg")
    with Image.open(tmp_path / "restored.jpg") as written:
        assert written.size == (24, 32)
        assert dict(written.getexif()) == {0x010F: "Leica"}
        assert written.info["dpi"] == (240, 240)


def test_profile_for_grey_is_not_put_on_colours(tmp_path: Path) -> None:
    image = gradient("L")
    image.info["icc_profile"] = b"a profile for grey"
    save_image(image, tmp_path / "grey.webp")
    with Image.open(tmp_path / "grey.webp") as written:
        assert "icc_profile" not in written.info
    assert image.info["icc_profile"] == b"a profile for grey"


@pytest.mark.parametrize("name", ["image", "image.xyz", "image.eps", "image.pdf"])
def test_unknown_ending(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"\.png, \.jpg"):
        save_image(gradient("RGB"), tmp_path / "new" / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["F", "I"])
def test_mode_without_range(mode: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=rf"image\.jpg: Pillow mode {mode}"):
        save_image(Image.new(mode, (4, 4)), tmp_path / "image.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("odd"), KeyboardInterrupt()])
def test_failure_half_way_leaves_the_old_file(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.png"
    save_image(gradient("RGB"), path)
    before = path.read_bytes()

    def fail_half_way(self: Image.Image, file: object, **options: object) -> None:
        file.write(before[:50])  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr(Image.Image, "save", fail_half_way)
    expected = ImageError if isinstance(error, Exception) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        save_image(gradient("L"), path)
    if expected is ImageError:
        assert str(caught.value).startswith(f"{path}: cannot be written (")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_failure_without_an_old_file_leaves_none(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"cannot be written"):
        save_image(Image.new("L", (70000, 1)), tmp_path / "wide.jpg")
    assert list(tmp_path.iterdir()) == []


def test_overwriting_only_if_allowed(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    save_image(Image.new("L", (1, 1)), path)
    with pytest.raises(ImageError, match="exists already"):
        save_image(Image.new("L", (2, 2)), path, overwrite=False)
    save_image(Image.new("L", (3, 3)), path)
    with Image.open(path) as written:
        assert written.size == (3, 3)


def test_file_or_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(ImageError, match="is a folder"):
        save_image(gradient("L"), tmp_path / "folder.png")
    with pytest.raises(ImageError, match="cannot be written"):
        save_image(gradient("L"), tmp_path / "file" / "image.png")
    with pytest.raises(ImageError, match="cannot be written"):
        save_image(gradient("L"), tmp_path / ("x" * 5000 + ".png"))


def test_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.png"
    target.write_bytes(b"precious")
    link = tmp_path / "image.png"
    link.symlink_to(target)
    save_image(gradient("L"), link)
    assert target.read_bytes() == b"precious"
    assert not link.is_symlink()


def test_permissions_are_those_of_other_new_files(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    save_image(gradient("L"), tmp_path / "image.png")
    assert (tmp_path / "image.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_family_writes_what_it_takes_and_leaves_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def takes(image_format: ImageFormat, first: Page, several: bool) -> bool:
        return image_format.name == "GIF" and several

    def write(pages: Iterable[Page], destination: Destination) -> None:
        destination.unfinished.write_text(f"{len([*pages])} {destination.path.name} {destination.quality}")

    monkeypatch.setattr(saving, "_WRITERS", (PageWriter(takes, write), *saving._WRITERS))
    save_pages([gradient("L"), gradient("L")], tmp_path / "two.gif", quality=7)
    save_image(gradient("L"), tmp_path / "one.gif")
    assert (tmp_path / "two.gif").read_text() == "2 two.gif 7"
    with Image.open(tmp_path / "one.gif") as written:
        assert written.format == "GIF"


@pytest.mark.parametrize("before", [0, 1])
def test_what_fails_where_the_pages_come_from_is_told_as_it_is(tmp_path: Path, before: int) -> None:
    def pages() -> Iterator[Page]:
        yield from [gradient("L")] * before
        raise MemoryLimitError("too little memory")

    with pytest.raises(MemoryLimitError, match=r"^too little memory$"):
        save_pages(pages(), tmp_path / "a.tif")
    assert [*tmp_path.iterdir()] == []
