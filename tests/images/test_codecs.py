from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image

from tests.commands import run
from udsd.errors import ImageError
from udsd.extras import install_command
from udsd.images import codecs, decode_image, formats
from udsd.images.formats import readable_formats


def box(*brands: bytes) -> bytes:
    """A file that says what it is, and holds nothing."""
    content = b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])
    return struct.pack(">I", 4 + len(content)) + content + bytes(100)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow as it is without pillow-heif and without libavif."""
    known = [name for name in readable_formats() if name not in ("HEIF", "AVIF")]
    for module in (codecs, formats):
        monkeypatch.setattr(module, "readable_formats", lambda: known)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a.jpg", "a.png"])
@pytest.mark.parametrize("brands", [(b"heic", b"mif1", b"heic"), (b"mif1", b"heic"), (b"heix",), (b"hevc", b"hevc")])
def test_a_heic_without_its_package_says_what_to_install(tmp_path: Path, name: str, brands: tuple[bytes, ...]) -> None:
    (tmp_path / name).write_bytes(box(*brands))
    with pytest.raises(ImageError, match=rf"{name}: this is a HEIC picture, .* pip install \"pillow-heif>="):
        decode_image(tmp_path / name)


@pytest.mark.usefixtures("bare")
def test_an_avif_without_its_codec_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.avif").write_bytes(box(b"mif1", b"miaf", b"avif"))
    with pytest.raises(ImageError, match="this is an AVIF picture"):
        decode_image(tmp_path / "a.avif")


@pytest.mark.usefixtures("bare")
def test_the_command_says_it_in_one_line(
    tmp_path: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.heic").write_bytes(box(b"heic", b"mif1"))
    assert run("deblur", tmp_path / "a.heic", "-o", tmp_path / "out", "--model", model_folder) == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert install_command("heif") in printed.err


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    "content", [box(b"isom", b"mp42"), struct.pack(">I", 0) + b"ftyp", b"\xff\xff\xff\xffftypheic"[:8]]
)
def test_other_boxes_are_no_pictures(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.heic").write_bytes(content)
    with pytest.raises(ImageError) as raised:
        decode_image(tmp_path / "a.heic")
    assert "udsd[heif]" not in str(raised.value)


def test_with_its_package_it_is_read(tmp_path: Path) -> None:
    if "HEIF" not in readable_formats():
        pytest.skip("pillow-heif is not installed")
    Image.new("RGB", (64, 48), (200, 150, 90)).save(tmp_path / "a.heic")
    assert decode_image(tmp_path / "a.heic").pixels.shape == (1, 3, 48, 64)
