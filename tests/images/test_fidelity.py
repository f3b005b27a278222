"""What of a file reaches the restored file, besides the restored pixels."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms, JpegImagePlugin
from PIL.PngImagePlugin import PngInfo

from udsd.errors import ConfigError, ImageError
from udsd.images import DeepImage, ImagePages, decode_image, save_image, save_pages

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF/></x:xmpmeta>"
ORIENTATION = 0x0112
MAKER = 0x010F


def deep_pixels(channels: int = 3, size: tuple[int, int] = (20, 30)) -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, 65536, (*size, channels)).astype(np.uint16)


def colourful(size: tuple[int, int] = (48, 32)) -> Image.Image:
    y, x = np.mgrid[: size[1], : size[0]]
    channels = [127 + 120 * np.sin(x / 9), 127 + 120 * np.cos(y / 7), 127 + 100 * np.sin((x + y) / 8)]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def through(source: Path, target: Path) -> Path:
    """Decode all pages of a file and write them, unchanged, to another."""
    save_pages((page.encode(page.pixels) for page in ImagePages(source)), target)
    return target


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif() -> Image.Exif:
    made = Image.Exif()
    made[MAKER] = "Box"
    made[ORIENTATION] = 6
    return made


@pytest.mark.parametrize("ending", [".png", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_of_sixteen_bits_come_through_bit_for_bit(tmp_path: Path, ending: str, channels: int) -> None:
    pixels = deep_pixels(channels)
    pixels[..., 3:] |= 1  # nothing fully transparent
    save_image(DeepImage(pixels, {}), tmp_path / f"a{ending}")
    (page,) = ImagePages(tmp_path / f"a{ending}")
    assert page.pixels.unique().numel() > 256
    written = through(tmp_path / f"a{ending}", tmp_path / f"b{ending}")
    read = cv2.imread(str(written), cv2.IMREAD_UNCHANGED)
    assert read is not None
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read[..., [2, 1, 0, 3][:channels]], pixels)


def test_grey_with_alpha_of_sixteen_bits(tmp_path: Path) -> None:
    pixels = deep_pixels(2) | 1
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", 30, 20, 16, 4, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    for ending in (".png", ".tif"):
        read = cv2.imread(str(through(tmp_path / "a.png", tmp_path / f"b{ending}")), cv2.IMREAD_UNCHANGED)
        assert read is not None
        np.testing.assert_array_equal(read[..., [0, 3]], pixels)
        np.testing.assert_array_equal(read[..., 0], read[..., 2])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_sixteen_bit_colours_is_applied(tmp_path: Path, orientation: int) -> None:
    """As Pillow turns the same picture of 8 bits."""
    plain = colourful((6, 4))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    plain.save(tmp_path / "plain.png", exif=exif)
    save_image(DeepImage(np.asarray(plain).astype(np.uint16) * 257, {"exif": exif.tobytes()}), tmp_path / "deep.png")
    (expected,), (page,) = ImagePages(tmp_path / "plain.png"), ImagePages(tmp_path / "deep.png")
    torch.testing.assert_close(page.pixels, expected.pixels)
    written = through(tmp_path / "deep.png", tmp_path / "upright.png")
    with Image.open(written) as image:
        assert ORIENTATION not in image.getexif()
        assert image.size == (expected.pixels.shape[3], expected.pixels.shape[2])


def test_broken_exif_costs_a_sixteen_bit_image_only_its_exif(tmp_path: Path) -> None:
    broken = b"Exif\0\0no directory at all"
    save_image(DeepImage(deep_pixels(), {"exif": broken}), tmp_path / "a.png")
    read = cv2.imread(str(through(tmp_path / "a.png", tmp_path / "b.png")), cv2.IMREAD_UNCHANGED)
    assert read is not None
    np.testing.assert_array_equal(read[..., ::-1], deep_pixels())


def test_a_sixteen_bit_image_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    save_image(DeepImage(deep_pixels(), {}), tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:-900])
    with pytest.raises(ImageError, match="damaged or cut off"):
        through(tmp_path / "a.png", tmp_path / "b.png")


def test_what_is_said_beside_sixteen_bit_pixels_is_carried(tmp_path: Path) -> None:
    info = {"icc_profile": srgb_profile(), "dpi": (300.0, 150.0), "exif": exif().tobytes(), "xmp": XMP}
    for ending in (".png", ".tif"):
        save_image(DeepImage(deep_pixels(), dict(info)), tmp_path / f"a{ending}")
        with Image.open(through(tmp_path / f"a{ending}", tmp_path / f"b{ending}")) as image:
            assert image.info["icc_profile"] == info["icc_profile"]
            assert image.info["dpi"] == pytest.approx(info["dpi"], abs=0.1)
            assert image.info["xmp"] == XMP
            if ending == ".png":
                assert image.getexif()[MAKER] == "Box"


@pytest.mark.parametrize("ending", [".jpg", ".webp"])
def test_sixteen_bit_colours_in_a_format_of_eight(
    tmp_path: Path, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    save_image(DeepImage(np.full((16, 16, 3), 32896, np.uint16), {}), tmp_path / f"a{ending}")
    with Image.open(tmp_path / f"a{ending}") as image:
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - 128).max() <= 1
    assert "8 bits per channel are written" in caplog.text


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif", ".webp", ".avif"])
def test_xmp_is_carried(tmp_path: Path, ending: str) -> None:
    save_image(with_info(colourful(), xmp=XMP), tmp_path / f"a{ending}")
    with Image.open(through(tmp_path / f"a{ending}", tmp_path / f"b{ending}")) as image:
        assert image.info["xmp"] == XMP


def with_info(image: Image.Image, **info: object) -> Image.Image:
    image.info.update(info)
    return image


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


def test_inks_become_the_colours_that_their_profile_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    inks = colourful().convert("CMYK")
    inks.save(tmp_path / "plain.tif")
    plain = decode_image(tmp_path / "plain.tif")
    np.testing.assert_array_equal(
        np.asarray(plain.encode(plain.pixels)), np.asarray(inks.convert("RGB"))
    )  # without a profile there is nothing better
    seen: list[bytes] = []

    def transform(image: Image.Image, source: ImageCms.core.CmsProfile, *_: object, **__: object) -> Image.Image:
        seen.append(ImageCms.ImageCmsProfile(source).tobytes())
        return Image.new("RGB", image.size, (1, 2, 3))

    monkeypatch.setattr(ImageCms, "profileToProfile", transform)
    inks.save(tmp_path / "managed.tif", icc_profile=srgb_profile())
    managed = decode_image(tmp_path / "managed.tif")
    restored = managed.encode(managed.pixels)
    assert seen == [srgb_profile()]
    assert restored.getpixel((0, 0)) == (1, 2, 3)
    assert "icc_profile" not in restored.info
    monkeypatch.undo()
    # A profile that is not for inks cannot be used: said, and not fatal.
    decode_image(tmp_path / "managed.tif")
    assert "colours are approximate" in caplog.text


def test_what_lies_under_full_transparency_throws_no_shadow() -> None:
    image = np.zeros((9, 12, 4), np.uint8)
    image[:, 4:] = [200, 100, 50, 255]
    image[:, 3] = [200, 100, 50, 1]
    decoded = decode_image(image)
    # The black that cannot be seen is not what the network sees.
    expected = torch.tensor([200.0, 100.0, 50.0])[:, None, None].expand(-1, 9, 12) / 127.5 - 1
    torch.testing.assert_close(decoded.pixels[0], expected)
    result = decoded.encode(torch.full_like(decoded.pixels, 0.5))
    np.testing.assert_array_equal(result[..., 3], image[..., 3])
    assert (result[:, :3] == image[:, :3]).all()
    assert (result[:, 3:, :3] == 191).all()


def test_the_nearest_colour_that_is_seen_goes_on_under_what_is_not() -> None:
    image = np.zeros((1, 7, 4), np.uint8)
    image[0, 1] = [10, 20, 30, 255]
    image[0, 5] = [70, 80, 90, 128]
    shown = ((decode_image(image).pixels[0, :, 0] + 1) * 127.5).round().int().T.tolist()
    assert shown[:3] == [[10, 20, 30]] * 3
    assert shown[4:] == [[70, 80, 90]] * 3


def test_an_image_of_nothing_but_transparency(tmp_path: Path) -> None:
    image = np.zeros((8, 8, 4), np.uint8)
    decoded = decode_image(image)
    np.testing.assert_array_equal(decoded.encode(decoded.pixels), image)


def pages_of_tiff(folder: Path) -> Path:
    pages = [colourful(), colourful((20, 60)).convert("L"), colourful((33, 17)).convert("RGBA")]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw", dpi=(300, 300))
    return folder / "pages.tif"


def test_every_page_of_a_tiff_is_there(tmp_path: Path) -> None:
    source = pages_of_tiff(tmp_path)
    assert ImagePages(source).count == 3
    with Image.open(source) as first, Image.open(through(source, tmp_path / "out.tif")) as second:
        assert second.n_frames == 3  # type: ignore[attr-defined]
        for index in range(3):
            first.seek(index)
            second.seek(index)
            assert second.mode == first.mode
            np.testing.assert_array_equal(np.asarray(second), np.asarray(first))
            assert second.info["dpi"] == (300, 300)
            assert second.info["compression"] == "tiff_adobe_deflate"


def test_pages_of_any_mode_are_written_as_what_they_show(tmp_path: Path) -> None:
    pages = [colourful(), colourful().quantize(16), colourful().convert("1"), colourful().convert("CMYK")]
    save_pages(pages, tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as image:
        for index, (page, mode) in enumerate(zip(pages, ("RGB", "RGB", "L", "RGB"), strict=True)):
            image.seek(index)
            np.testing.assert_array_equal(np.asarray(image), np.asarray(page.convert(mode)))


def test_pages_of_sixteen_bits(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for index in range(3):
            writer.write(deep_pixels() >> index, photometric="rgb", metadata=None)
    through(tmp_path / "a.tif", tmp_path / "b.tif")
    given, written = (tifffile.imread(tmp_path / name, key=range(3)) for name in ("a.tif", "b.tif"))
    np.testing.assert_array_equal(written, given)


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
    with pytest.raises(ImageError, match="more than the 1000 pixels"):
        through(tmp_path / "a.tif", tmp_path / "b.tif")


def test_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="nothing to write"):
        save_pages([], tmp_path / "a.png")


def heif(image: Image.Image, path: Path) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    image.save(path, quality=95, exif=exif().tobytes())


def test_heic_is_read_and_written(tmp_path: Path) -> None:
    heif(colourful(), tmp_path / "a.heic")
    with Image.open(through(tmp_path / "a.heic", tmp_path / "b.heic")) as image:
        assert image.format == "HEIF"
        assert image.getexif()[MAKER] == "Box"
        assert sorted(image.size) == [32, 48]
        assert image.getexif().get(ORIENTATION, 1) == 1


@pytest.mark.parametrize(
    ("make", "mode"),
    [
        (lambda: Image.new("1", (9, 9), 1), "L"),
        (lambda: colourful().quantize(16), "RGB"),
        (lambda: colourful().convert("L"), "L"),
    ],
    ids=["1-bit", "palette", "grey"],
)
def test_pages_of_few_colours_become_what_they_can_show(
    tmp_path: Path, make: Callable[[], Image.Image], mode: str
) -> None:
    buffer = io.BytesIO()
    make().save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    with Image.open(through(tmp_path / "a.png", tmp_path / "b.png")) as image:
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image), np.asarray(make().convert(mode)))
