from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from udsd.errors import ImageError
from udsd.images import decode_image

WRITTEN = {
    "png": "RGB",
    "jpg": "RGB",
    "tif": "RGB",
    "webp": "RGB",
    "gif": "L",
    "bmp": "RGB",
    "ppm": "RGB",
    "jp2": "RGB",
}


def photo(path: Path, mode: str = "RGB") -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(noise).convert(mode).save(path)
    return path


@pytest.mark.parametrize("ending", WRITTEN)
def test_paths_of_every_kind_and_format(ending: str, tmp_path: Path) -> None:
    path = photo(tmp_path / f"photo.{ending}", WRITTEN[ending])
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    for given in (path, str(path)):
        decoded = decode_image(given)
        assert decoded.pixels.shape == (1, 3, 40, 60)
        result = decoded.encode(decoded.pixels)
        assert isinstance(result, Image.Image)
        np.testing.assert_array_equal(np.asarray(result.convert("RGB")), expected)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.png: no such file"):
        decode_image(tmp_path / "gone.png")


@pytest.mark.parametrize("name", ["a\0b.png", "", "x" * 5000])
def test_impossible_names(name: str) -> None:
    with pytest.raises(ImageError):
        decode_image(name)


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is a folder"):
        decode_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match=r"it is a (named pipe|device|socket), not a file"):
        decode_image(tmp_path / "pipe.png")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = photo(tmp_path / "locked.png")

    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ImageError, match=r"locked\.png: cannot be read \(Permission denied\)"):
        decode_image(path)


@pytest.mark.parametrize("content", [b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n"])
def test_no_image(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "note.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"note\.png: not an image that can be read here; readable are PNG, JPEG"):
        decode_image(path)


@pytest.mark.parametrize("ending", WRITTEN)
def test_truncated_at_every_tenth_gives_an_error_or_an_image(ending: str, tmp_path: Path) -> None:
    whole = photo(tmp_path / f"whole.{ending}", WRITTEN[ending]).read_bytes()
    path = tmp_path / f"cut.{ending}"
    messages = []
    for tenth in range(10):
        path.write_bytes(whole[: len(whole) * tenth // 10])
        try:
            decode_image(path)
        except ImageError as error:
            messages.append(str(error))
    # JPEG 2000 is made to be cut: what is there can be shown.
    assert len(messages) == 10 or (ending == "jp2" and messages)
    assert all(message.startswith(f"{path}: ") and "\n" not in message for message in messages)


@pytest.mark.parametrize("ending", WRITTEN)
def test_damaged_bytes_give_an_error_or_an_image(ending: str, tmp_path: Path) -> None:
    whole = photo(tmp_path / f"whole.{ending}", WRITTEN[ending]).read_bytes()
    path = tmp_path / f"damaged.{ending}"
    rng = np.random.default_rng(1)
    messages = []
    for _ in range(40):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 400), 4):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            decode_image(path)
        except ImageError as error:
            messages.append(str(error))
    assert all(message.startswith(f"{path}: ") for message in messages)


@pytest.mark.parametrize("limit", [100, 1300, 2399])
def test_decompression_bomb(limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 2400 pixels: above twice the limit Pillow raises, above the limit it only warns.
    path = photo(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ImageError, match=rf"bomb\.png: more than the {limit:,} pixels.*PIL\.Image\.MAX_IMAGE_PIXELS"):
        decode_image(path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_decompression_bomb_where_warnings_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = photo(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2399)
    with pytest.raises(ImageError, match="more than the 2,399 pixels"):
        decode_image(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2400)
    assert decode_image(path).pixels.shape == (1, 3, 40, 60)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc here")
def test_files_are_closed(tmp_path: Path) -> None:
    good = photo(tmp_path / "good.tif")
    bad = tmp_path / "bad.tif"
    bad.write_bytes(good.read_bytes()[:200])
    held = [decode_image(good)]
    with pytest.raises(ImageError):
        decode_image(bad)
    gc.collect()
    targets = {str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}
    assert held
    assert not any(target.startswith(str(tmp_path)) for target in targets)


def test_error_of_an_opened_image_names_its_file(tmp_path: Path) -> None:
    path = photo(tmp_path / "cut.png")
    path.write_bytes(path.read_bytes()[:3000])
    with Image.open(path) as image, pytest.raises(ImageError, match=r"cut\.png: damaged or cut off"):
        decode_image(image)
